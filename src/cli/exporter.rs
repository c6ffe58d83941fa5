//! An exporter that is described by flags, in the words of a configuration: so it is checked and explained like one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::config::{self, Config, Origin, Problems};
use crate::ident::ComponentId;
use crate::service::System;
use crate::signal::Signal;

/// The configuration with one exporter, which is called `id` and has the keys of `exporter`.
pub(super) fn configure(id: &ComponentId, exporter: &Value) -> Result<Config, Problems> {
    let pipeline = json!({"receivers": ["nop"], "exporters": [id.to_string()]});
    let pipelines: Map<String, Value> =
        Signal::ALL.iter().map(|signal| (signal.name().to_owned(), pipeline.clone())).collect();
    let config = json!({
        "receivers": {"nop": {}}, "exporters": {id.to_string(): exporter}, "service": {"pipelines": pipelines},
    });
    let text = config.to_string().replace('$', "$$");
    let origin = Origin { locations: vec![format!("yaml:{text}")], ..Origin::default() };
    config::load(&origin, &System)
}

/// The headers of `--header KEY=VALUE`.
pub(super) fn headers(flags: &[String]) -> Result<BTreeMap<String, String>, String> {
    let mut headers = BTreeMap::new();
    for header in flags {
        let (key, value) = header.split_once('=').ok_or_else(|| {
            // What is written there may be the secret itself.
            "invalid --header: write KEY=VALUE".to_owned()
        })?;
        headers.insert(key.trim().to_owned(), value.to_owned());
    }
    Ok(headers)
}

/// The keys of `tls` that name files, as far as they are given.
pub(super) fn tls_files(files: [(&str, &Option<PathBuf>); 3]) -> Map<String, Value> {
    let given = files.into_iter().filter_map(|(key, file)| Some((key, file.as_ref()?)));
    given.map(|(key, file)| (key.to_owned(), json!(file.to_string_lossy()))).collect()
}
