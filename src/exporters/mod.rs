//! The stages at the end of a pipeline: each makes one attempt and reports one outcome.

pub mod debug;
pub mod file;
pub mod nop;
pub mod otlp;
pub mod prometheus;
mod setup;
mod zipkin;

use std::sync::Arc;

pub use setup::SetupProblem;

use crate::config::{Dialect, OtlpHttp};
use crate::ident::ComponentId;

/// An exporter that sends over HTTP, whatever it says there. `instance` marks its requests, so that a relay notices that it
/// sends to itself.
///
/// # Errors
///
/// The key of the configuration whose file or value cannot be used. Whether the backend can be reached is not looked at.
pub fn over_http(id: Arc<ComponentId>, config: &OtlpHttp, instance: &str) -> Result<otlp::Backend, SetupProblem> {
    let translate = match &config.dialect {
        Dialect::Otlp => None,
        Dialect::RemoteWrite(asked) => Some(prometheus::remote_write(asked)),
        Dialect::Zipkin(asked) => Some(zipkin::zipkin(asked, config.encoding)),
    };
    otlp::otlp_http(id, config, translate, instance)
}
