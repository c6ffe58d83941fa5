//! Whether the relay is well: alive, ready for data, and getting it out.
//!
//! The main path answers as the Collector's `health_check` extension does, which says nothing of exporters; `/exporting`
//! is for those who want to know that (contrib issue 11780).

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::telemetry::clock::{Moment, go_duration};
use crate::telemetry::{ExporterState, Routing, Snapshot};

use super::server::{Answer, Route, not_found, now, page};

/// What health pages know of the service, which keeps it up to date. It holds no stage and no end of a channel.
#[derive(Default)]
pub struct HealthFacts {
    stage: AtomicU8,
    up_since: OnceLock<Moment>,
    exporters: Mutex<Vec<Arc<ExporterState>>>,
    room: OnceLock<Room>,
}

/// Says whether there is room for more data.
type Room = Box<dyn Fn() -> bool + Send + Sync>;

/// Which pages there are, and what they say.
#[derive(Clone, Debug)]
pub struct HealthPage {
    /// `path`: the main page.
    pub path: String,
    /// `response_body::healthy`: takes the place of the main page's JSON.
    pub healthy_body: Option<String>,
    /// `response_body::unhealthy`
    pub unhealthy_body: Option<String>,
}

/// Answers the page's path (200 while pipelines run, 503 before and while the relay stops), `/live` (200 whenever it can
/// answer: whoever restarts a relay for this page must not cut its drain short), `/ready` (200 while it can take data)
/// and `/exporting` (503 while an exporter delivers nothing although data waits). A path of the page's own comes first.
pub fn health_route(facts: Arc<HealthFacts>, page: HealthPage) -> Route {
    Arc::new(move |request| {
        now(match request.uri.path() {
            path if path == page.path => facts.main(&page),
            "/live" => facts.status(Verdict::Well, &facts.snapshots()),
            "/ready" => facts.status(Verdict::from(facts.is_ready()), &facts.snapshots()),
            "/exporting" => facts.exporting(),
            _ => not_found(),
        })
    })
}

impl HealthFacts {
    /// Of a service that is not running yet.
    pub fn new() -> Arc<HealthFacts> {
        Arc::new(HealthFacts::default())
    }

    /// Pipelines run, and receivers take data. Does nothing once it stops.
    pub fn running(&self) {
        // Set first: who sees that it runs also sees since when.
        let _ = self.up_since.set(Moment::now());
        let _ = self.stage.compare_exchange(STARTING, RUNNING, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Nothing more is taken in, and the relay ends soon.
    pub fn stopping(&self) {
        self.stage.store(STOPPING, Ordering::Release);
    }

    /// From now on these are the exporters.
    pub fn set_exporters(&self, exporters: Vec<Arc<ExporterState>>) {
        *self.exporters.lock().unwrap_or_else(PoisonError::into_inner) = exporters;
    }

    /// `/ready` also asks `room` whether there is room for more data: whether the memory budget is used up, say. It must
    /// own neither a stage nor the end of a channel. Only the first call counts.
    pub fn ask_for_room(&self, room: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.room.set(Box::new(room));
    }

    fn is_running(&self) -> bool {
        self.stage.load(Ordering::Acquire) == RUNNING
    }

    fn is_ready(&self) -> bool {
        self.is_running() && self.room.get().is_none_or(|has_room| has_room())
    }

    fn main(&self, page: &HealthPage) -> Answer {
        let verdict = Verdict::from(self.is_running());
        let body = match verdict {
            Verdict::Well => &page.healthy_body,
            Verdict::Unwell => &page.unhealthy_body,
        };
        match body {
            Some(body) => self::page(verdict.code(), TEXT, body.clone()),
            None => self.status(verdict, &self.snapshots()),
        }
    }

    /// All exporters where all is well, else those that are to blame.
    fn exporting(&self) -> Answer {
        let (stuck, others): (Vec<_>, Vec<_>) =
            self.snapshots().into_iter().partition(|snapshot| snapshot.is_stuck(PATIENCE));
        if stuck.is_empty() { self.status(Verdict::Well, &others) } else { self.status(Verdict::Unwell, &stuck) }
    }

    /// The Collector's JSON, and `exporters` behind it.
    fn status(&self, verdict: Verdict, exporters: &[Snapshot]) -> Answer {
        let up_since = self.up_since.get().filter(|_| self.is_running());
        let since = up_since.map_or_else(|| NEVER.to_owned(), |up| up.rfc3339_nanos().to_string());
        let uptime = up_since.map_or_else(String::new, |up| go_duration(Moment::now().since(*up)));
        let exporters: Vec<Value> = exporters.iter().map(described).collect();
        let body = format!(
            "{{\"status\":\"{}\",\"upSince\":\"{since}\",\"uptime\":\"{uptime}\",\"exporters\":{}}}",
            verdict.words(),
            Value::Array(exporters),
        );
        page(verdict.code(), "application/json", body)
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        let exporters = self.exporters.lock().unwrap_or_else(PoisonError::into_inner).clone();
        exporters.iter().map(|state| state.snapshot()).collect()
    }
}

/// What a page comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Well,
    Unwell,
}

impl From<bool> for Verdict {
    fn from(well: bool) -> Verdict {
        if well { Verdict::Well } else { Verdict::Unwell }
    }
}

impl Verdict {
    fn code(self) -> StatusCode {
        match self {
            Verdict::Well => StatusCode::OK,
            Verdict::Unwell => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Verdict::Well => "Server available",
            Verdict::Unwell => "Server not available",
        }
    }
}

impl fmt::Debug for HealthFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthFacts").field("running", &self.is_running()).finish_non_exhaustive()
    }
}

/// Without the cause: it may quote the backend, and whoever reaches this page is not asked who he is.
fn described(snapshot: &Snapshot) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("id", json!(snapshot.exporter.to_string()));
    put("data_type", json!(snapshot.signal.name()));
    put("state", json!(snapshot.condition().name()));
    if let Some(success) = snapshot.last_success {
        put("last_success", json!(success.to_string()));
    }
    if let Some(queued) = snapshot.queued {
        put("queued", json!(queued));
    }
    if let Some(routing) = &snapshot.routing {
        put("routing", routed(routing));
    }
    if let Some(trouble) = &snapshot.trouble {
        let row = trouble.class.row();
        put("class", json!(row.code));
        put("since", json!(trouble.since.to_string()));
        put("failed_attempts", json!(snapshot.consecutive_failures));
        put("endpoint", json!(trouble.endpoint));
        put("meaning", json!(row.meaning));
        put("remedy", json!(row.remedy));
    }
    Value::Object(object)
}

/// Who gets the data, who stands by, and when a preferred one is tried again.
fn routed(routing: &Routing) -> Value {
    let name = |target: &Arc<str>| json!(target.as_ref());
    json!({
        "active": routing.active.and_then(|at| routing.targets.get(at)).map(name),
        "standing_by": routing.standing_by().map(name).collect::<Vec<_>>(),
        "since": routing.since.to_string(),
        "because": routing.because.as_ref().map(|(class, _)| class.code()),
        "next_look": routing.next_look.as_ref().map(|(target, _)| name(target)),
        "next_look_in_seconds": routing.next_look.as_ref().map(|(_, ahead)| ahead.as_secs_f64().round()),
    })
}

const STARTING: u8 = 0;
const RUNNING: u8 = 1;
const STOPPING: u8 = 2;
/// The Collector's way to say that it is not up: Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";
const TEXT: &str = "text/plain; charset=utf-8";
/// Failures that go on for so long are no mere flicker, even if nothing waits in a queue.
const PATIENCE: Duration = Duration::from_secs(5);
