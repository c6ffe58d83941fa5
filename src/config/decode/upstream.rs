//! Which component types the Collector has, so that one which this relay lacks is not taken for a slip of the pen.

/// Whether the Collector or its contrib distribution has a type `name` in `section`.
pub(super) fn has(section: &str, name: &str) -> bool {
    let names = match section {
        "receivers" => RECEIVERS,
        "processors" => PROCESSORS,
        "exporters" => EXPORTERS,
        "connectors" => CONNECTORS,
        "extensions" => EXTENSIONS,
        _ => return false,
    };
    names.split_ascii_whitespace().any(|known| known == name)
}

const RECEIVERS: &str = "
    active_directory_ds activedirectoryds aerospike apache apachespark awscloudwatch awscontainerinsightreceiver
    awsecscontainermetrics awsfirehose awslambda awss3 awsxray azureblob azureeventhub azurefunctions azuremonitor
    bigip carbon chrony cisco_os ciscoos cloudflare cloudfoundry collectd couchdb datadog docker_stats elasticsearch
    envoyals expvar faro file filelog file_log filestats flinkmetrics fluentforward gitlab github google_cloud_pubsub
    googlecloudmonitoring googlecloudpubsub googlecloudspanner haproxy hostmetrics host_metrics http_check httpcheck
    huaweicloudces icmpcheck icmpcheckreceiver iis influxdb jaeger jmx journald k8s_cluster k8s_events k8s_objects
    k8sobjects kafka kafkametrics kubeletstats leader_elector libhoney loki memcached mongodb mongodbatlas mysql
    namedpipe netflow nginx nsxt ntp opampsupervisor opencensus oracledb osquery otelarrow otlpjsonfile otlp_json_file
    podman_stats postgresql pprof prometheus prometheusremotewrite prometheus_remote_write prometheus_simple pulsar
    purefa purefb rabbitmq receiver_creator redfish redis remotetap riak s3 saphana sapm signalfx signaldatareceiver
    simpleprometheus skywalking snmp snowflake solace splunk_hec splunkenterprise sqlquery sqlserver sshcheck statsd
    stef syslog systemd tcpcheck tcplog tcp_log tlscheck udplog udp_log vcenter vcr wavefront webhookevent windowseventlog
    windows_event_log windowsperfcounters windowsservice yanggrpc zipkin zookeeper";

const PROCESSORS: &str = "
    coralogix cumulativetodelta datadog deltatocumulative deltatorate dnslookup dynamic_sampling filter
    geoip groupbyattrs groupbytrace gen_ai_normalizer interval isolationforest k8sattributes k8s_attributes lookup
    logdedup logstransform logs_transform metricsgeneration experimental_metricsgeneration metricstarttime
    metricstransform memory_ballast probabilistic_sampler queued_retry queuebatch redaction remotetap
    resourcedetection resource_detection routing schema servicegraph signozspanmetrics signozspanmetricsprocessor
    signoztailsampling span spanmetrics spanprune sumologic tail_sampling transform unroll";

const EXPORTERS: &str = "
    alertmanager alibabacloud_logservice awscloudwatchlogs awsemf awskinesis awss3 awsxray azureblob azuredataexplorer
    azuremonitor bmchelix carbon cassandra clickhouse coralogix datadog datadogexporter dataset doris elasticsearch
    faro file f5cloud googlecloud googlecloudpubsub googlecloudstorage googlemanagedprometheus honeycombmarker
    influxdb instana jaeger jaeger_thrift kafka kineticadb loadbalancing load_balancing logicmonitor logzio loki
    mezmo opencensus opensearch otelarrow otlpjson parquet prometheusremotewrite prometheus_remote_write
    pulsar rabbitmq s3 sapm sentry signalfx skywalking splunk_hec stef sumologic syslog tanzuobservability
    tencentcloud_logservice tinybird tracing zipkin clickhouselogsexporter clickhousemetricswrite clickhousetraces
    signozclickhousemetrics signozclickhousemeter metadataexporter";

const CONNECTORS: &str = "
    count datadog exceptions failover forward grafanacloud metricsaslogs otlpjson otlp_json profiletometrics
    roundrobin round_robin routing servicegraph service_graph signaltometrics signal_to_metrics slowsql spanmetrics
    span_metrics spaneventtolog sum";

const EXTENSIONS: &str = "
    ack asapauth avro_log_encoding aws_logs_encoding awslogs_encoding awsproxy azureauth azure_auth azure_encoding
    basicauth basic_auth bearertokenauth bearer_token_auth cfgarden_observer cgroupruntime cloudwatch_encoding
    datadog db_storage docker_observer ecs_observer ecs_task_observer encoding googleclientauth
    google_cloud_logentry_encoding headers_setter healthcheckv2 host_observer http_forwarder httpforwarder
    jaeger_encoding jaegerremotesampling jsonlogencoding json_log_encoding k8s_leader_elector k8s_observer
    kafkatopics_observer memory_ballast memory_limiter oauth2client oidc opamp otlp_encoding redis_storage
    remotetap sigv4auth skywalking_encoding solarwindsapmsettings sumologic text_encoding zipkin_encoding";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_in_its_own_section_only() {
        assert!(has("receivers", "prometheus") && has("extensions", "bearertokenauth"));
        assert!(!has("extensions", "prometheus") && !has("receivers", "") && !has("service", "otlp"));
    }
}
