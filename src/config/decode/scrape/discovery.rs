//! Service discoveries of Prometheus, none of which the relay has: what to write in their place.

use super::NOT_YET;
use crate::config::describe::Unread;
use crate::config::section::Section;

/// Refuses everything in a job that looks for targets by itself.
pub(super) fn refuse(section: &mut Section<'_>) {
    for (key, instead) in DISCOVERIES.iter().copied() {
        section.whole().leave(key, Unread::Refused);
        let Some(value) = section.value(key).filter(|value| !value.asks_for_nothing()) else { continue };
        let what = format!("service discovery by {key} is not supported by otlp-relay yet");
        value.refuse(value.fault(what).hint(instead).is(NOT_YET));
    }
}

const TARGETS: &str = "write the targets down: static_configs: [{targets: ['host:port']}]";

const KUBERNETES: &str = "write a Service down, static_configs: [{targets: ['app.namespace.svc:8080']}], \
                          or let the pods send OTLP to the relay";

const NAMES: &str = "containers are found by the names of their services: static_configs: [{targets: ['app:8080']}]";

const FILES: &str = "write what is in these files as static_configs: SIGHUP reads the configuration anew";

const DNS: &str = "write the name down, static_configs: [{targets: ['name:port']}]: it is resolved for each connection";

/// Each with what comes nearest.
const DISCOVERIES: &[(&str, &str)] = &[
    ("aws_sd_configs", TARGETS),
    ("azure_sd_configs", TARGETS),
    ("consul_sd_configs", TARGETS),
    ("digitalocean_sd_configs", TARGETS),
    ("dns_sd_configs", DNS),
    ("docker_sd_configs", NAMES),
    ("dockerswarm_sd_configs", NAMES),
    ("ec2_sd_configs", TARGETS),
    ("ecs_sd_configs", TARGETS),
    ("eureka_sd_configs", TARGETS),
    ("file_sd_configs", FILES),
    ("gce_sd_configs", TARGETS),
    ("hetzner_sd_configs", TARGETS),
    ("http_sd_configs", TARGETS),
    ("ionos_sd_configs", TARGETS),
    ("kubernetes_sd_configs", KUBERNETES),
    ("kuma_sd_configs", TARGETS),
    ("lightsail_sd_configs", TARGETS),
    ("linode_sd_configs", TARGETS),
    ("marathon_sd_configs", TARGETS),
    ("msk_sd_configs", TARGETS),
    ("nerve_sd_configs", TARGETS),
    ("nomad_sd_configs", TARGETS),
    ("openstack_sd_configs", TARGETS),
    ("ovhcloud_sd_configs", TARGETS),
    ("puppetdb_sd_configs", TARGETS),
    ("scaleway_sd_configs", TARGETS),
    ("serverset_sd_configs", TARGETS),
    ("stackit_sd_configs", TARGETS),
    ("triton_sd_configs", TARGETS),
    ("uyuni_sd_configs", TARGETS),
    ("vultr_sd_configs", TARGETS),
];
