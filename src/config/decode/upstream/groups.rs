//! The component types of the Collector's distributions that this relay has not, by what they are for.

/// Component types that are for the same.
#[derive(Clone, Copy, Debug)]
pub(in crate::config::decode) struct Group {
    pub(super) section: &'static str,
    /// What they do: a clause behind "which".
    pub(in crate::config::decode) what: &'static str,
    /// The nearest thing that the relay has.
    pub(in crate::config::decode) instead: &'static str,
    /// When the relay will have them.
    pub(in crate::config::decode) when: When,
    pub(super) names: &'static str,
}

/// Whether the relay is to have a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config::decode) enum When {
    /// A later step.
    Later,
    /// Nothing is said of it.
    Unknown,
    /// The Collector has it no more.
    Removed,
}

const fn unknown(section: &'static str, what: &'static str, instead: &'static str, names: &'static str) -> Group {
    Group { section, what, instead, when: When::Unknown, names }
}

const fn later(section: &'static str, what: &'static str, instead: &'static str, names: &'static str) -> Group {
    Group { section, what, instead, when: When::Later, names }
}

const fn removed(section: &'static str, what: &'static str, instead: &'static str, names: &'static str) -> Group {
    Group { section, what, instead, when: When::Removed, names }
}

const R: &str = "receivers";
const P: &str = "processors";
const E: &str = "exporters";
const C: &str = "connectors";
const X: &str = "extensions";

const EXPORTER_PAGE: &str = "the product's Prometheus page or exporter, scraped by the prometheus receiver";
const BEHIND: &str = "a Collector in front that sends OTLP to the relay";
const ONWARDS: &str =
    "an otlp_grpc or otlp_http exporter, to the product where it takes OTLP, else to a Collector with this exporter";
const AT_THE_SDK: &str = "the SDK, or the backend";

pub(super) const GROUPS: &[Group] = &[
    unknown(
        R,
        "reads the metrics of a product by its own interface",
        EXPORTER_PAGE,
        "active_directory_ds activedirectoryds aerospike apache apachespark bigip couchdb elasticsearch flinkmetrics
         haproxy iis jmx kafkametrics memcached mongodb mongodbatlas mysql nginx nsxt oracledb postgresql purefa purefb
         rabbitmq redis riak saphana snowflake splunkenterprise sqlquery sqlserver vcenter zookeeper cloudflare
         expvar github gitlab huaweicloudces redfish cisco_os ciscoos prometheus_node_exporter",
    ),
    unknown(
        R,
        "reads the figures of the machine",
        "node_exporter, scraped by the prometheus receiver: config: {scrape_configs: [{job_name: node, \
         static_configs: [{targets: ['node-exporter:9100']}]}]}",
        "hostmetrics host_metrics windowsperfcounters windowsservice systemd chrony ntp filestats osquery",
    ),
    unknown(
        R,
        "reads the figures of containers",
        "cAdvisor, scraped by the prometheus receiver: config: {scrape_configs: [{job_name: cadvisor, \
         static_configs: [{targets: ['cadvisor:8080']}]}]}",
        "docker_stats podman_stats k8s_cluster kubeletstats awscontainerinsightreceiver awsecscontainermetrics
         cloudfoundry",
    ),
    unknown(
        R,
        "reads log files or what the system logs",
        "an OpenTelemetry SDK's logs in OTLP, or a Collector with this receiver that sends to the relay",
        "filelog file_log journald syslog tcplog tcp_log udplog udp_log windowseventlog windows_event_log namedpipe
         k8s_events k8s_objects k8sobjects otlpjsonfile otlp_json_file file vcr",
    ),
    unknown(
        R,
        "takes spans in another format",
        "the otlp receiver: OpenTelemetry SDKs send OTLP to ports 4317 and 4318",
        "jaeger zipkin opencensus skywalking sapm awsxray datadog envoyals faro libhoney solace",
    ),
    unknown(
        R,
        "takes metrics in another format",
        BEHIND,
        "carbon collectd influxdb prometheusremotewrite prometheus_remote_write signalfx statsd wavefront stef otelarrow
         signaldatareceiver netflow snmp yanggrpc",
    ),
    unknown(
        R,
        "takes logs in another format",
        BEHIND,
        "fluentforward loki splunk_hec awsfirehose azurefunctions awslambda webhookevent pprof",
    ),
    unknown(
        R,
        "scrapes one page",
        "the prometheus receiver, with config: {scrape_configs: [...]}",
        "prometheus_simple simpleprometheus",
    ),
    unknown(
        R,
        "asks whether something answers",
        "the Prometheus blackbox exporter, scraped by the prometheus receiver",
        "http_check httpcheck icmpcheck icmpcheckreceiver sshcheck tcpcheck tlscheck",
    ),
    unknown(
        R,
        "fetches from a cloud's monitoring or from its files",
        BEHIND,
        "awscloudwatch awss3 azureblob azureeventhub azuremonitor googlecloudmonitoring googlecloudpubsub
         google_cloud_pubsub googlecloudspanner s3",
    ),
    unknown(R, "reads from a message broker", BEHIND, "kafka pulsar"),
    unknown(
        R,
        "starts other receivers, or tells of the Collector itself",
        "the relay's own metrics: service::telemetry::metrics",
        "receiver_creator leader_elector remotetap opampsupervisor",
    ),
    later(P, "drops telemetry by conditions", AT_THE_SDK, "filter"),
    later(
        P,
        "changes telemetry by statements of OTTL",
        "the attributes and resource processors, for changes of attributes",
        "transform",
    ),
    later(
        P,
        "asks the machine or the cloud what it is",
        "the variable OTEL_RESOURCE_ATTRIBUTES at the SDK, or a resource processor: \
         attributes: [{key: host.name, value: '${env:HOSTNAME}', action: upsert}]",
        "resourcedetection resource_detection",
    ),
    later(
        P,
        "keeps some traces and drops the others",
        "the SDK, for a tenth of the traces: OTEL_TRACES_SAMPLER=parentbased_traceidratio and OTEL_TRACES_SAMPLER_ARG=0.1",
        "probabilistic_sampler tail_sampling dynamic_sampling signoztailsampling",
    ),
    later(
        P,
        "makes metrics of spans",
        "the backend: Tempo, Jaeger and others make such metrics themselves",
        "spanmetrics signozspanmetrics signozspanmetricsprocessor servicegraph",
    ),
    unknown(
        P,
        "adds what Kubernetes knows of a pod",
        "the variable OTEL_RESOURCE_ATTRIBUTES of the pod, filled by the downward API",
        "k8sattributes k8s_attributes",
    ),
    unknown(
        P,
        "changes metrics",
        "the views of the SDK; the prometheus exporter makes deltas cumulative by itself",
        "cumulativetodelta deltatocumulative deltatorate experimental_metricsgeneration metricsgeneration
         metricstarttime metricstransform interval",
    ),
    unknown(P, "hides or changes parts of values", "the attributes processor: hash, delete or update", "redaction span geoip dnslookup lookup schema unroll gen_ai_normalizer"),
    unknown(
        P,
        "groups, thins out or orders telemetry",
        "the batch processor or sending_queue::batch",
        "groupbyattrs groupbytrace logdedup spanprune isolationforest logstransform logs_transform",
    ),
    unknown(
        P,
        "was once for queues and retries",
        "sending_queue and retry_on_failure of the exporters, which are on unless switched off",
        "queued_retry queuebatch memory_ballast",
    ),
    unknown(P, "chooses where telemetry goes", "several pipelines, or the failover connector", "routing"),
    unknown(P, "is for one vendor", ONWARDS, "coralogix datadog sumologic remotetap"),
    removed(
        E,
        "sends to Jaeger in a format that the Collector has given up",
        "OTLP, which Jaeger takes since version 1.35",
        "jaeger jaeger_thrift jaeger_proto jaeger_thrift_http",
    ),
    removed(
        E,
        "sends to Loki in a format that the Collector has given up",
        "OTLP, which Loki takes since version 3",
        "loki",
    ),
    removed(E, "sends in a format that the Collector has given up", ONWARDS, "opencensus tracing parquet f5cloud"),
    removed(
        E,
        "sent metrics to Dynatrace",
        "an otlp_http exporter: endpoint: 'https://ENVIRONMENT.live.dynatrace.com/api/v2/otlp', \
         headers: {authorization: 'Api-Token TOKEN'}",
        "dynatrace",
    ),
    unknown(
        E,
        "sends to a product in its own format",
        ONWARDS,
        "alertmanager alibabacloud_logservice azuredataexplorer azuremonitor bmchelix carbon cassandra clickhouse
         clickhouselogsexporter clickhousemetricswrite clickhousetraces dataset doris faro honeycombmarker influxdb
         instana kineticadb logicmonitor logzio mezmo metadataexporter qryn signozclickhousemeter
         signozclickhousemetrics splunk_hec stef sumologic syslog tanzuobservability tencentcloud_logservice tinybird
         otelarrow",
    ),
    unknown(
        E,
        "sends to Datadog in its own format",
        "an otlp_http exporter to the Datadog Agent, which takes OTLP where its otlp_config says so: \
         endpoint: 'http://datadog-agent:4318'",
        "datadog datadogexporter",
    ),
    unknown(
        E,
        "sends to Elasticsearch in its own format",
        "an otlp_http exporter to Elastic's APM Server, which takes OTLP: endpoint: 'http://apm-server:8200'",
        "elasticsearch",
    ),
    unknown(
        E,
        "sends to OpenSearch in its own format",
        "an otlp_grpc exporter to Data Prepper, which takes OTLP: endpoint: 'data-prepper:21890'",
        "opensearch",
    ),
    unknown(
        E,
        "sends to Sentry in its own format",
        "an otlp_http exporter to Sentry's OTLP endpoint: \
         traces_endpoint: 'https://ORG.ingest.sentry.io/api/PROJECT/integration/otlp/v1/traces', \
         headers: {x-sentry-auth: 'sentry sentry_key=KEY'}",
        "sentry",
    ),
    unknown(
        E,
        "sends to Splunk Observability Cloud in its own format",
        "an otlp_http exporter: traces_endpoint: 'https://ingest.REALM.signalfx.com/v2/trace/otlp', \
         metrics_endpoint: 'https://ingest.REALM.signalfx.com/v2/datapoint/otlp', headers: {x-sf-token: TOKEN}",
        "sapm signalfx",
    ),
    unknown(
        E,
        "sends to SkyWalking in its own format",
        "an otlp_grpc exporter to SkyWalking's OAP, which takes OTLP: endpoint: 'oap:11800', tls: {insecure: true}",
        "skywalking",
    ),
    unknown(
        E,
        "sends to Coralogix",
        "an otlp_grpc exporter: endpoint: 'ingress.DOMAIN:443', headers: {authorization: 'Bearer KEY'}",
        "coralogix",
    ),
    unknown(
        E,
        "is a part of Jaeger, which has this configuration",
        "Jaeger itself with this file, behind the relay: it takes OTLP on port 4317",
        "jaeger_storage_exporter",
    ),
    unknown(
        E,
        "sends to a cloud's own service",
        "an otlp_http exporter to the cloud's OTLP endpoint, or to a Collector with this exporter",
        "awscloudwatchlogs awsemf awskinesis awsxray googlecloud googlecloudpubsub googlemanagedprometheus",
    ),
    unknown(
        E,
        "writes to a cloud's files",
        "the file exporter",
        "awss3 azureblob googlecloudstorage s3 otlpjson",
    ),
    unknown(E, "writes to a message broker", "an otlp_grpc exporter to a Collector with this exporter", "kafka pulsar rabbitmq"),
    unknown(
        E,
        "spreads telemetry over several backends",
        "an otlp_grpc exporter with balancer_name: round_robin, to a name with several addresses",
        "loadbalancing load_balancing",
    ),
    later(
        C,
        "makes metrics of spans",
        "the backend: Tempo, Jaeger and others make such metrics themselves",
        "spanmetrics span_metrics servicegraph service_graph exceptions",
    ),
    unknown(
        C,
        "makes telemetry of one signal of another",
        "the backend, which can count by itself",
        "count datadog grafanacloud metricsaslogs otlpjson otlp_json profiletometrics signaltometrics signal_to_metrics
         slowsql spaneventtolog sum",
    ),
    unknown(
        C,
        "chooses where telemetry goes",
        "the failover and forward connectors, and several pipelines",
        "roundrobin round_robin routing",
    ),
    unknown(
        X,
        "is for the log in to a cloud or an identity provider",
        "oauth2client, bearertokenauth, basicauth or headers_setter",
        "asapauth azureauth azure_auth googleclientauth oidc sigv4auth awsproxy http_forwarder httpforwarder",
    ),
    unknown(
        X,
        "looks for what is there to be received",
        "targets that are written down",
        "cfgarden_observer docker_observer ecs_observer ecs_task_observer host_observer k8s_observer
         kafkatopics_observer k8s_leader_elector",
    ),
    unknown(
        X,
        "knows a format of files or messages",
        "OTLP",
        "avro_log_encoding aws_logs_encoding awslogs_encoding azure_encoding cloudwatch_encoding encoding
         google_cloud_logentry_encoding jaeger_encoding json_log_encoding jsonlogencoding otlp_encoding
         skywalking_encoding text_encoding zipkin_encoding",
    ),
    unknown(
        X,
        "is a part of Jaeger, which has this configuration",
        "Jaeger itself with this file, behind the relay: it takes OTLP on port 4317",
        "jaeger_query jaeger_storage jaeger_mcp remote_sampling remote_storage",
    ),
    unknown(X, "keeps data in a database", "file_storage", "db_storage redis_storage"),
    unknown(
        X,
        "steers or watches the Collector itself",
        "health_check, the status page and the relay's own metrics; take it out",
        "ack cgroupruntime datadog healthcheckv2 jaegerremotesampling memory_limiter opamp remotetap
         solarwindsapmsettings sumologic",
    ),
];
