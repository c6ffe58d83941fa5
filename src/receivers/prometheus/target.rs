//! One target: it is asked again and again, and what it shows is handed on, with what the scrape itself came to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use prost::Message;
use tokio::time::MissedTickBehavior;

use super::exposition::{self, About, Kind};
use super::labels::{Honor, Labeller};
use super::memory::{Memory, counts};
use super::otlp::{Point, Request};
use super::page::{Page, ScrapeProblem, Shown};
use super::series::{AllSeries, Key, Scope, Values};
use crate::config::{Labels, ScrapeJob, ScrapeTarget, Scraping};
use crate::failure::{Class, Failure};
use crate::flow::{Lifetime, Next};
use crate::ident::ComponentId;
use crate::payload::{Budget, Payload};

/// Where scrapes go to: another place after a reload.
pub(super) type Out = Arc<ArcSwap<Next>>;

/// A target with what it showed before.
pub(super) struct Target {
    receiver: Arc<ComponentId>,
    job: Arc<ScrapeJob>,
    asked: ScrapeTarget,
    page: Page,
    memory: Mutex<Memory>,
    /// What the last scrape failed with.
    failing: Mutex<Option<Class>>,
    out: Out,
    budget: Arc<Budget>,
}

/// What a scrape came to: what is handed on, and why that is not all.
struct Scraped {
    body: Vec<u8>,
    failure: Option<Failure>,
}

/// What is told of a scrape beside its page.
#[derive(Default)]
struct Figures {
    scraped: u64,
    kept: u64,
    added: u64,
}

impl Target {
    /// # Errors
    /// What of the job cannot be used.
    pub(super) fn new(
        receiver: Arc<ComponentId>,
        job: Arc<ScrapeJob>,
        asked: ScrapeTarget,
        out: Out,
        budget: Arc<Budget>,
    ) -> Result<Target, ScrapeProblem> {
        let page = Page::of(&asked, &job)?;
        let (memory, failing) = (Mutex::default(), Mutex::default());
        Ok(Target { receiver, job, asked, page, memory, failing, out, budget })
    }

    /// Scrapes until the intake of `lifetime` ends; for the first time after `delay`.
    pub(super) async fn run(self: Arc<Self>, delay: Duration, lifetime: Lifetime) {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + delay, self.asked.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = lifetime.intake_ended() => return,
                _ = ticks.tick() => {}
            }
            // A scrape that has begun is brought to its end, unless nobody can wait for it.
            tokio::select! {
                () = lifetime.aborted() => return,
                () = Box::pin(Arc::clone(&self).scrape()) => {}
            }
        }
    }

    async fn scrape(self: Arc<Self>) {
        let (now, began) = (unix_nanos(), Instant::now());
        let shown = self.page.ask().await;
        let took = began.elapsed();
        let is_large = shown.as_ref().is_ok_and(|shown| LARGE < shown.body.len());
        let scraped = if is_large {
            // As long as it takes, the thread has other work.
            let this = Arc::clone(&self);
            tokio::task::spawn_blocking(move || this.read(shown, now, took)).await.ok()
        } else {
            Some(self.read(shown, now, took))
        };
        let Some(Scraped { body, failure }) = scraped else { return };
        let sent = self.hand_on(body).await;
        self.tell(failure.or(sent.err()));
    }

    async fn hand_on(&self, body: Vec<u8>) -> Result<(), Failure> {
        let unfit = |error| Failure::new(Class::InvalidData, "a scrape makes no well-formed request").because(error);
        let payload = Payload::parse(Scraping::SIGNAL, body.into_boxed_slice().into()).map_err(unfit)?;
        let full = || Failure::new(Class::MemoryLimited, "the memory for payloads is used up");
        let hold = self.budget.reserve(payload.held() + Payload::BESIDE).ok_or_else(full)?;
        let next = Next::clone(&self.out.load());
        next.consume(payload.with_hold(hold)).await.map(|_| ())
    }

    /// The request that says what `shown` says.
    fn read(&self, shown: Result<Shown, Failure>, now: u64, took: Duration) -> Scraped {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.begin();
        let mut figures = Figures::default();
        let mut request = Request::default();
        let about = std::collections::HashMap::new();
        let read = shown.and_then(|shown| self.series(&shown, &mut figures));
        let (series, page_about, failure) = match read {
            Ok((series, about)) => (series, about, None),
            // Whatever was shown before is not known any more.
            Err(failure) => (AllSeries::default(), about, Some(failure)),
        };
        for (key, values) in series.all {
            let said = values.time.filter(|_| self.job.honor_timestamps);
            let values = Values { time: said, ..values };
            let time = said.unwrap_or(now);
            let start = memory.start(&key, &values, time, &mut figures.added);
            let start = if counts(key.kind) { start } else { 0 };
            request.add(Point { key, values: Some(values), start, time }, &page_about);
        }
        for key in memory.gone() {
            request.add(Point { key, values: None, start: 0, time: now }, &page_about);
        }
        self.report(&mut request, &figures, failure.is_none(), now, took);
        let scheme = if self.asked.tls.is_some() { "https" } else { "http" };
        Scraped { body: request.finish(scheme, &series.targets).encode_to_vec(), failure }
    }

    fn series(
        &self,
        shown: &Shown,
        figures: &mut Figures,
    ) -> Result<(AllSeries, std::collections::HashMap<String, About>), Failure> {
        let unreadable = |what: String| Failure::new(Class::ScrapeUnreadable, what);
        let text =
            std::str::from_utf8(&shown.body).map_err(|error| unreadable(format!("the page is not UTF-8: {error}")))?;
        let page = exposition::read(text, shown.format).map_err(|error| unreadable(error.to_string()))?;
        let labeller = Labeller {
            target: &self.asked.labels,
            external: &self.job.external_labels,
            honor: if self.job.honor_labels { Honor::Sample } else { Honor::Target },
            steps: &self.job.relabel,
            limits: &self.job.limits,
        };
        let too_large = |what: String| Failure::new(Class::ScrapeTooLarge, what);
        let mut series = AllSeries::default();
        figures.scraped = page.samples.len() as u64;
        for sample in page.samples {
            let Some(labels) = labeller.labels(&sample).map_err(too_large)? else { continue };
            figures.kept += 1;
            if let Some(limit) = self.job.limits.samples.filter(|limit| *limit < figures.kept) {
                return Err(too_large(format!("sample_limit: the page has more than {limit} samples")));
            }
            series.add(sample, labels, &page.about);
        }
        Ok((series, page.about))
    }

    /// What Prometheus itself tells of a scrape.
    fn report(&self, request: &mut Request, figures: &Figures, is_up: bool, now: u64, took: Duration) {
        let mut labels: Labels = self.asked.labels.iter().cloned().collect();
        let source = (labels.remove("job").unwrap_or_default(), labels.remove("instance").unwrap_or_default());
        let labels: Vec<(String, String)> = labels.into_iter().collect();
        let about = reports();
        for (name, value) in [
            ("up", f64::from(u8::from(is_up))),
            ("scrape_duration_seconds", took.as_secs_f64()),
            ("scrape_samples_scraped", figures.scraped as f64),
            ("scrape_samples_post_metric_relabeling", figures.kept as f64),
            ("scrape_series_added", figures.added as f64),
        ] {
            let key = Key {
                source: source.clone(),
                scope: Scope::default(),
                name: name.to_owned(),
                kind: Kind::Gauge,
                labels: labels.clone(),
            };
            let values = Some(Values { value: Some(value), ..Values::default() });
            request.add(Point { key, values, start: 0, time: now }, &about);
        }
    }

    /// Says once that scrapes fail, and once that they do not any more.
    fn tell(&self, failure: Option<Failure>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let class = failure.as_ref().map(Failure::class);
        let before = std::mem::replace(&mut *failing, class);
        let (receiver, job, target) = (&self.receiver, &self.job.name, &self.asked.endpoint.text);
        match failure {
            Some(failure) if before != class => {
                let row = failure.class().row();
                tracing::warn!(
                    class = row.code,
                    family = row.family.name(),
                    %receiver,
                    job,
                    target,
                    phase = failure.phase().name(),
                    meaning = row.meaning,
                    cause = failure.cause(),
                    remedy = row.remedy,
                    help = %format_args!("otlp-relay explain {}", row.code),
                    "scrape failed; it is tried again each {:?}",
                    self.asked.interval
                );
            }
            Some(_) => {}
            None if before.is_some() => tracing::info!(%receiver, job, target, "scrapes succeed again"),
            None => {}
        }
    }
}

fn reports() -> std::collections::HashMap<String, About> {
    let about = |(name, help, unit): &(&str, &str, &str)| {
        let about = About { kind: Kind::Gauge, help: (*help).to_owned(), unit: (*unit).to_owned() };
        ((*name).to_owned(), about)
    };
    REPORTS.iter().map(about).collect()
}

fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

const REPORTS: &[(&str, &str, &str)] = &[
    ("up", "Whether the target was scraped", ""),
    ("scrape_duration_seconds", "How long the scrape took", "seconds"),
    ("scrape_samples_scraped", "Samples that the target showed", ""),
    ("scrape_samples_post_metric_relabeling", "Samples that were left after relabelling", ""),
    ("scrape_series_added", "Series that the scrape before had not shown", ""),
];

/// From here on reading a page takes so long that other work of the thread would wait.
const LARGE: usize = 256 << 10;
