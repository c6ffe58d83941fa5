//! Did everything arrive that was acknowledged, and nothing twice? A sink is asked, which has counted by sequence number.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::{Request, StatusCode, Uri};
use serde_json::Value;

use super::tally::Tally;
use crate::attempt::Progress;
use crate::config::Endpoint;
use crate::signal::Signal;
use crate::transport::client::{Client, ClientSettings, Protocol, RequestBody, within};

/// What a sink has of a run, held against what was sent.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Signal by signal.
    pub signals: BTreeMap<Signal, Checked>,
}

/// What a sink has of one signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Items that were acknowledged.
    pub acknowledged: u64,
    /// Items that were not, and may have arrived or not.
    pub unacknowledged: u64,
    /// Different items that arrived.
    pub arrived: u64,
    /// How often items arrived again.
    pub doubled: u64,
    /// Acknowledged items that did not arrive: at least so many, and exactly so many where everything was acknowledged. They
    /// are lost, or still held by somebody on the way.
    pub lost: u64,
}

impl Verified {
    /// Whether nothing was lost and nothing came twice.
    pub fn is_clean(&self) -> bool {
        self.signals.values().all(|checked| checked.lost == 0 && checked.doubled == 0)
    }

    fn arrived(&self) -> u64 {
        self.signals.values().map(|checked| checked.arrived).sum()
    }
}

/// The admin address of a sink that `text` names.
///
/// # Errors
/// What to write instead.
pub fn sink(text: &str) -> Result<Endpoint, String> {
    let fault = || format!("{text} is no admin address of a sink; write http://host:port");
    let uri: Uri = text.parse().map_err(|_| fault())?;
    let has_path = uri.path_and_query().is_some_and(|path| path.as_str() != "/");
    let (Some("http"), Some(host), Some(port), false) = (uri.scheme_str(), uri.host(), uri.port_u16(), has_path) else {
        return Err(fault());
    };
    Ok(Endpoint { text: text.trim_end_matches('/').to_owned(), host: host.trim_matches(['[', ']']).to_owned(), port })
}

/// Asks `sink` what it has of `run` until everything acknowledged has arrived, or nothing more has for `limit`. `sequences`
/// are how many items of each signal were sent.
///
/// # Errors
/// Why the sink cannot be asked.
pub async fn verify(
    sink: &Endpoint,
    run: &str,
    tally: &Tally,
    sequences: &[(Signal, u64)],
    limit: Duration,
) -> Result<Verified, String> {
    let client = Client::new(ClientSettings::new(sink.clone(), None, Protocol::Http1Only));
    let mut until = Instant::now() + limit;
    let mut arrived = 0;
    loop {
        // A first look finds nothing yet where the sink is not up, which is no reason to stop looking.
        let found = ask(&client, sink, run).await.map(|found| check(&found, tally, sequences));
        let is_complete = found.as_ref().is_ok_and(|found| found.signals.values().all(|checked| checked.lost == 0));
        let here = found.as_ref().map_or(0, Verified::arrived);
        if arrived < here {
            arrived = here;
            until = Instant::now() + limit;
        }
        if until <= Instant::now() {
            return found;
        }
        if is_complete {
            // What comes twice comes later.
            tokio::time::sleep(AFTERMATH).await;
            return ask(&client, sink, run).await.map(|found| check(&found, tally, sequences));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask(client: &Client, sink: &Endpoint, run: &str) -> Result<Value, String> {
    let url = format!("http://{}/api/runs/{run}", sink.authority());
    let head = Request::get(&url).body(()).map_err(|error| error.to_string())?;
    let progress = Progress::new();
    let exchange = Box::pin(client.send(&head, RequestBody::default(), &progress));
    let answer = within(Some(PATIENCE), &progress, exchange).await;
    let answer = answer.map_err(|failure| format!("{url}: {}: {}", failure.class(), failure.cause()))?;
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    match (answer.status, body) {
        (StatusCode::OK, Some(run)) if run["signals"].is_object() => Ok(run),
        // A sink's word for a run of which nothing has come.
        (StatusCode::NOT_FOUND, Some(fault)) if fault["error"].is_string() => Ok(Value::Null),
        (status, _) => Err(format!("{url} answers {status}, but not as the admin address of a sink does")),
    }
}

fn check(found: &Value, tally: &Tally, sequences: &[(Signal, u64)]) -> Verified {
    let checked = |(signal, sent): &(Signal, u64)| {
        let counts = tally.signals.get(signal).copied().unwrap_or_default();
        let number = |key: &str| found["signals"][signal.name()][key].as_u64();
        let arrived = number("distinct").unwrap_or(0);
        let acknowledged = counts.accepted.0;
        let checked = Checked {
            acknowledged,
            unacknowledged: sent.saturating_sub(acknowledged),
            arrived,
            doubled: number("doubled").unwrap_or(0),
            lost: acknowledged.saturating_sub(arrived),
        };
        (*signal, checked)
    };
    Verified { signals: sequences.iter().map(checked).collect() }
}

const PAUSE: Duration = Duration::from_millis(200);
const AFTERMATH: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(5);
