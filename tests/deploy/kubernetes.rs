//! Are the manifests valid by the schemas of Kubernetes, do they fit to one another, and does the relay take what is in them?

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::project;
use crate::support::cli::run;
use crate::support::interop::{Absence, installed};

/// Every document of deploy/kubernetes/, once the schemas have nothing against it. None where they cannot be had.
fn documents() -> Option<Vec<Value>> {
    let place = installed("kubernetes", Absence::FailsInCi)?;
    let folder = std::fs::read_dir(project("deploy/kubernetes")).unwrap();
    let files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    assert!(7 < files.len(), "{files:?}");
    let mut command = Command::new(place.join("venv/bin/python"));
    let output = command.arg(project("tests/interop/kubernetes/documents.py")).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    Some(found.into_iter().map(|found| found["document"].clone()).collect())
}

/// Those of `kind`; there is one at least.
fn of_kind<'a>(documents: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let found: Vec<&Value> = documents.iter().filter(|document| document["kind"] == kind).collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

fn workloads(documents: &[Value]) -> Vec<&Value> {
    ["Deployment", "DaemonSet", "StatefulSet"].into_iter().flat_map(|kind| of_kind(documents, kind)).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The relay takes `config`, and has nothing to warn of.
async fn check_config(config: &str, arguments: &[&str], environment: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, config).unwrap();
    let path = format!("--config={}", file.display());
    let finished = run(&[&["validate", &path], arguments].concat(), environment).await;
    assert_eq!(finished.code, Some(0), "{}\n{config}", finished.stderr);
    // What comes from a flag of somebody else's is no fault of the configuration.
    let said: Vec<&str> = finished.stderr.lines().filter(|line| !line.contains("--feature-gates")).collect();
    assert_eq!(said, <Vec<&str>>::new(), "{config}");
}

#[tokio::test]
async fn each_workload_finds_a_configuration_that_the_relay_takes() {
    let Some(documents) = documents() else { return };
    for workload in workloads(&documents) {
        let name = text(&workload["metadata"]["name"]);
        let pod = &workload["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let path = text(&container["args"][0]).strip_prefix("--config=").unwrap();
        let (folder, file) = path.rsplit_once('/').unwrap();
        let mount = list(&container["volumeMounts"]).iter().find(|mount| mount["mountPath"] == folder);
        let volume = mount.map(|mount| &mount["name"]);
        let volume = list(&pod["volumes"]).iter().find(|known| Some(&known["name"]) == volume).unwrap();
        let map = of_kind(&documents, "ConfigMap").into_iter();
        let map = map.filter(|map| map["metadata"]["name"] == volume["configMap"]["name"]).collect::<Vec<_>>();
        assert_eq!(map.len(), 1, "{name}: one ConfigMap has its configuration");
        let config = text(&map[0]["data"][file]);
        let environment: Vec<(&str, &str)> = list(&container["env"])
            .iter()
            .map(|variable| (text(&variable["name"]), variable["value"].as_str().unwrap_or("from-a-field")))
            .collect();
        check_config(config, &[], &environment).await;
        for port in list(&container["ports"]) {
            let number = port["containerPort"].to_string();
            assert!(config.contains(&number), "{name}: nothing listens on {number}");
        }
        check_grace(name, workload, config);
    }
}

/// SIGKILL comes after the relay's own time to stop.
fn check_grace(name: &str, workload: &Value, config: &str) {
    let pod = &workload["spec"]["template"]["spec"];
    let own = config.lines().find_map(|line| line.trim().strip_prefix("shutdown_timeout: ")?.strip_suffix('s'));
    let own: u64 = own.unwrap().parse().unwrap();
    let before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap_or(0);
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(own + before < grace, "{name}: {own} s and {before} s of {grace} s");
}

#[test]
fn the_manifests_fit_to_one_another() {
    let Some(documents) = documents() else { return };
    for workload in workloads(&documents) {
        let template = &workload["spec"]["template"];
        assert_eq!(workload["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]);
        let container = &template["spec"]["containers"][0];
        for probe in ["readinessProbe", "livenessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], "health", "{probe}");
        }
        for field in ["allowPrivilegeEscalation", "readOnlyRootFilesystem"] {
            assert_eq!(container["securityContext"][field], json!(field == "readOnlyRootFilesystem"), "{field}");
        }
        assert_eq!(template["spec"]["securityContext"]["runAsUser"], 10001, "the user of the image");
    }
    let selected = |labels: &Value| -> Vec<&Value> {
        let found = workloads(&documents).into_iter();
        let found: Vec<&Value> = found.filter(|w| &w["spec"]["template"]["metadata"]["labels"] == labels).collect();
        assert!(!found.is_empty(), "nothing is selected by {labels}");
        found
    };
    let check_port = |labels: &Value, port: &Value| {
        for workload in selected(labels) {
            let ports = list(&workload["spec"]["template"]["spec"]["containers"][0]["ports"]);
            assert!(ports.iter().any(|known| &known["name"] == port), "no port {port} in {}", workload["metadata"]);
        }
    };
    for service in of_kind(&documents, "Service") {
        list(&service["spec"]["ports"])
            .iter()
            .for_each(|port| check_port(&service["spec"]["selector"], &port["targetPort"]));
    }
    for policy in of_kind(&documents, "NetworkPolicy") {
        let ports = list(&policy["spec"]["ingress"]).iter().flat_map(|rule| list(&rule["ports"]));
        ports.for_each(|port| check_port(&policy["spec"]["podSelector"]["matchLabels"], &port["port"]));
    }
    for budget in of_kind(&documents, "PodDisruptionBudget") {
        selected(&budget["spec"]["selector"]["matchLabels"]);
    }
    for scaler in of_kind(&documents, "HorizontalPodAutoscaler") {
        let target = &scaler["spec"]["scaleTargetRef"];
        let targets = of_kind(&documents, text(&target["kind"]));
        assert!(targets.iter().any(|known| known["metadata"]["name"] == target["name"]), "{target}");
    }
}

/// The operator writes the configuration to /conf, and starts the image with flags of its own.
#[tokio::test]
async fn the_relay_takes_what_the_operator_gives_it() {
    let Some(documents) = documents() else { return };
    for collector in of_kind(&documents, "OpenTelemetryCollector") {
        // JSON is YAML.
        let config = collector["spec"]["config"].to_string();
        check_config(&config, &["--feature-gates=-component.UseLocalHostAsDefaultHost,+a.b"], &[]).await;
    }
}
