//! How several sources and `--set` become one configuration, and what is wrong with each.

use otlp_relay::config::Verbosity;
use otlp_relay::config::{Exporter, Receiver};
use proptest::prelude::*;

use super::*;

const PIPELINE: &str = "service: {pipelines: {traces: {receivers: [nop], exporters: [debug]}}}\n";

fn load_all(locations: &[&str], settings: &[&str], files: &[(&'static str, &str)]) -> Result<Config, Problems> {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let origin = Origin { locations: owned(locations), settings: owned(settings) };
    let files = files.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect();
    let variables = HashMap::from([("BASE", "receivers: {nop: }"), ("LEVEL", "detailed"), ("SECRET", "a$$b${X}")]);
    load(&origin, &Played { variables, files })
}

#[track_caller]
fn check_loads(locations: &[&str], settings: &[&str], files: &[(&'static str, &str)]) -> Config {
    load_all(locations, settings, files).unwrap_or_else(|problems| panic!("{problems}"))
}

#[track_caller]
fn check_fault(locations: &[&str], settings: &[&str], files: &[(&'static str, &str)], expected: &[&str]) {
    let problems = load_all(locations, settings, files).expect_err("problems");
    assert_eq!(shown(problems.iter()), expected);
}

fn verbosity(config: &Config) -> Verbosity {
    match config.exporters.get(&id("debug")) {
        Some(Exporter::Debug(debug)) => debug.verbosity,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_around_a_configuration_is_told_by_its_place_alone() {
    let manifest =
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  relay.yaml: |\n    receivers: {nop: }\n    exporters: {nop: }\n";
    check_fault(
        &["m.yaml"],
        &[],
        &[("m.yaml", manifest)],
        &[
            "m.yaml:5:5: this is a Kubernetes ConfigMap, which otlp-relay does not read; the configuration begins here, \
           below \"relay.yaml\": save it in a file of its own, and give that",
        ],
    );
    // What only adds to a configuration is no file around one.
    check_loads(&["env:BASE", "a.yaml", "yaml:exporters::debug::verbosity: normal"], &[], &[("a.yaml", PIPELINE)]);
}

#[test]
fn every_kind_of_source_is_read_and_the_last_one_wins() {
    let files = [("a.yaml", PIPELINE), ("https://h/c?token=s3cr3t", "exporters: {debug: {verbosity: normal}}\n")];
    let locations =
        ["file:a.yaml", "env:BASE", "https://h/c?token=s3cr3t", "yaml:exporters::debug::verbosity: detailed"];
    let config = check_loads(&locations, &[], &files);
    assert_eq!(verbosity(&config), Verbosity::Detailed);
    assert_eq!(config.source, "a.yaml, environment variable BASE, https://h/c, yaml:exporters::debug::verbosity");
    assert_eq!(verbosity(&check_loads(&locations[..3], &[], &files)), Verbosity::Normal);
    assert_eq!(verbosity(&check_loads(&locations, &["exporters.debug.verbosity=basic"], &files)), Verbosity::Basic);
}

#[test]
fn settings_come_after_all_sources_and_on_top_of_the_embedded_default() {
    let config = check_loads(&[], &["exporters.debug.verbosity=${env:LEVEL}", "service.shutdown_timeout=1s"], &[]);
    assert_eq!(verbosity(&config), Verbosity::Detailed);
    assert_eq!(config.shutdown_timeout.as_secs(), 1);
    let config = check_loads(
        &["yaml:receivers: {otlp: {protocols: {grpc: }}}", "yaml:exporters: {debug: }", "a.yaml"],
        &["receivers.otlp.protocols.grpc.endpoint=[::1]:7", "service.pipelines.traces.receivers=[otlp]"],
        &[("a.yaml", PIPELINE)],
    );
    let Some(Receiver::Otlp(otlp)) = config.receivers.get(&id("otlp")) else { panic!("{config:?}") };
    assert_eq!(otlp.grpc.as_ref().map(|grpc| grpc.listen.to_string()).as_deref(), Some("[::1]:7"));
}

#[test]
fn a_problem_stands_in_its_own_source() {
    check_fault(
        &["a.yaml", "b.yaml", "env:BASE", "yaml:exporters::debug::sampling_initial: x"],
        &["exporters.debug.verbosty=basic", "exporters.debug.sampling_thereafter=-1"],
        &[("a.yaml", PIPELINE), ("b.yaml", "exporters:\n  debug:\n    verbosity: loud\n")],
        &[
            "--set exporters.debug.sampling_thereafter: exporters::debug::sampling_thereafter: -1 is not between 0 and \
             18446744073709551615",
            "--set exporters.debug.verbosty: exporters::debug::verbosty: invalid key; did you mean \"verbosity\"?",
            "b.yaml:3:16: exporters::debug::verbosity: unknown metrics level \"loud\"; valid here: basic, normal, detailed",
            "yaml:exporters::debug::sampling_initial:1:37: exporters::debug::sampling_initial: 'sampling_initial' \
             expected type 'int', got unconvertible type 'string'; write a whole number without unit or quotes",
        ],
    );
}

#[test]
fn a_later_null_wipes_what_was_there() {
    let base = "receivers: {nop: }\nexporters: {debug: }\nprocessors: {batch: {timeout: 9s}}\n";
    let files = [("a.yaml", PIPELINE), ("b.yaml", base)];
    assert_eq!(check_loads(&["a.yaml", "b.yaml"], &[], &files).processors.len(), 1);
    assert_eq!(check_loads(&["a.yaml", "b.yaml", "yaml:processors:"], &[], &files).processors.len(), 0);
    assert_eq!(check_loads(&["a.yaml", "b.yaml"], &["processors="], &files).processors.len(), 0);
}

#[test]
fn a_source_that_cannot_be_read_says_so() {
    let fault = |location: &str| {
        load_all(&[location], &[], &[("list.yaml", "[a]"), ("void.yaml", "")]).expect_err("a problem").to_string()
    };
    assert!(fault("file:/none.yaml").starts_with("unable to read the file /none.yaml: "));
    assert!(
        fault("/a/directory").ends_with(
            "; give the file in it; Docker makes a directory where the file to be mounted is not on the host"
        )
    );
    assert!(fault("vault:x").starts_with("unsupported scheme on URI \"vault:\""));
    assert_eq!(fault("env:NONE"), "the environment variable NONE is not set [config_unexpanded_variable]");
    assert_eq!(fault("http://h/c"), "failed to load resource from uri \"http://h/c\". status code: 404");
    assert_eq!(
        fault("http://me:s3cr3t@h/c"),
        "invalid uri: \"http://[REDACTED]@h/c\": it holds a user name or a password"
    );
    assert!(fault("list.yaml").starts_with("list.yaml:1:1: the configuration is no map of sections"));
    assert_eq!(fault("void.yaml"), "void.yaml:1:1: empty configuration file");
    assert!(fault("yaml:a: [").starts_with("yaml:a:"));
    let problems = load_with(&[], b"a: 1\nb: \xff\n").expect_err("a problem");
    assert_eq!(problems.to_string(), "c.yaml:2:4: the text is not UTF-8; save the file as UTF-8");
}

#[test]
fn references_lead_to_files_and_pages_with_places_of_their_own() {
    let text = "receivers: {nop: }\nexporters: \"${file:exporters.yaml}\"\n\
                service: \"${https://h/service}\"\n";
    let files = [
        ("a.yaml", text),
        (
            "exporters.yaml",
            "debug:\n  verbosity: ${LEVEL}\notlp_http:\n  endpoint: http://b:1\n  headers: {a: 'B ${file:t}'}\n",
        ),
        ("t", "s3cr3t$$\n"),
        ("https://h/service", "pipelines: {traces: {receivers: [nop], exporters: [debug, otlp_http]}}"),
    ];
    let config = check_loads(&["a.yaml"], &[], &files);
    assert_eq!(verbosity(&config), Verbosity::Detailed);
    let Some(Exporter::OtlpHttp(http)) = config.exporters.get(&id("otlp_http")) else { panic!("{config:?}") };
    assert_eq!(http.headers[0].1.reveal(), "B s3cr3t$$");
    let broken =
        [files[0], ("exporters.yaml", "debug:\n  verbosity: ${file:t}\n"), files[2], ("https://h/service", "5")];
    check_fault(
        &["a.yaml"],
        &[],
        &broken,
        &[
            "a.yaml:1:1: service must have at least one pipeline",
            "a.yaml:3:10: service: 'service' expected type 'map', got unconvertible type 'int' \
             (the value comes from https://h/service)",
            "exporters.yaml:2:14: exporters::debug::verbosity: unknown metrics level \"s3cr3t$$\" \
             (the value comes from t); valid here: basic, normal, detailed",
        ],
    );
}

#[test]
fn the_value_of_a_variable_is_never_expanded_again() {
    let exporter =
        "exporters: {otlp_http: {endpoint: 'http://b:1', headers: {a: '${SECRET}', b: 'x $${SECRET} ${SECRET}'}}}";
    let service = "yaml:service: {pipelines: {traces: {receivers: [nop], exporters: [otlp_http]}}}";
    let config = check_loads(&["env:BASE", &format!("yaml:{exporter}"), service], &[], &[]);
    let Some(Exporter::OtlpHttp(http)) = config.exporters.get(&id("otlp_http")) else { panic!("{config:?}") };
    let values: Vec<&str> = http.headers.iter().map(|(_, value)| value.reveal()).collect();
    assert_eq!(values, ["a$$b${X}", "x ${SECRET} a$$b${X}"]);
}

#[test]
fn sections_without_content_and_sections_that_are_off_are_told_apart() {
    let loaded = |exporter: &str| {
        let config = good(&with_exporter(&format!("otlp_http: {{endpoint: 'http://b:1', {exporter}}}")));
        let Some(Exporter::OtlpHttp(http)) = config.exporters.get(&id("otlp_http")) else { panic!("{config:?}") };
        (http.delivery.retry.is_some(), http.delivery.queue.as_ref().map(|queue| queue.batch.is_some()))
    };
    assert_eq!(loaded(""), (true, Some(false)));
    assert_eq!(loaded("retry_on_failure: , sending_queue: {batch: }"), (true, Some(true)));
    assert_eq!(loaded("retry_on_failure: {}, sending_queue: {batch: {}}"), (true, Some(true)));
    assert_eq!(loaded("sending_queue: {batch: {enabled: false}}"), (true, Some(false)));
    assert_eq!(loaded("retry_on_failure: {enabled: false}, sending_queue: {enabled: false, batch: }"), (false, None));
}

proptest! {
    #[test]
    fn no_sources_panic(
        texts in prop::collection::vec("[-\\[\\]{}:,.=a-c$ \n]{0,30}", 0..4),
        settings in prop::collection::vec("[-\\[\\]{}:,.=a-c$ ]{0,20}", 0..4),
    ) {
        let locations: Vec<String> = texts.iter().map(|text| format!("yaml:{text}")).collect();
        let locations: Vec<&str> = locations.iter().map(String::as_str).collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let _ = load_all(&locations, &settings, &[]);
    }

    /// One source cut into two at any section is the same configuration.
    #[test]
    fn a_configuration_may_be_cut_into_sources(order in Just(vec![0, 1, 2]).prop_shuffle(), interval in 1_u32..100) {
        let exporters = format!("exporters: {{debug: , otlp_http: {{endpoint: 'http://b:1', timeout: {interval}s}}}}\n");
        let parts = ["receivers: {nop: }\n", &exporters, PIPELINE];
        let whole = check_loads(&[&format!("yaml:{}", parts.concat())], &[], &[]);
        let cut: Vec<String> = order.iter().map(|at| format!("yaml:{}", parts[*at])).collect();
        let cut = check_loads(&cut.iter().map(String::as_str).collect::<Vec<_>>(), &[], &[]);
        prop_assert_eq!(&whole.exporters, &cut.exporters);
        prop_assert_eq!(&whole.pipelines, &cut.pipelines);
    }
}
