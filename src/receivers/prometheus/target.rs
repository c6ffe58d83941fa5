//! One target: it is asked again and again, and what it shows is handed on, with what the scrape itself came to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use bytes::Bytes;
use prost::Message;
use tokio::time::MissedTickBehavior;

use super::exposition::{self, About, Exposition, Kind};
use super::labels::{Honor, Labeller};
use super::memory::{Ended, Memory, counts};
use super::otlp::{Names, Point, Request, State};
use super::page::{Format, Page, ScrapeProblem, Shown};
use super::protobuf;
use super::series::{AllSeries, Key, Scope, Values};
use crate::auth::Credentials;
use crate::config::{LastScrape, ScrapeJob, ScrapeTarget, Scraping};
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
    names: Names,
    last: LastScrape,
    page: Page,
    memory: Mutex<Memory>,
    /// What the last scrape failed with.
    failing: Mutex<Option<Class>>,
    out: Out,
    budget: Arc<Budget>,
}

/// What the targets of a job have in common.
pub(super) struct Of<'a> {
    pub(super) receiver: Arc<ComponentId>,
    pub(super) scraping: &'a Scraping,
    pub(super) out: Out,
    pub(super) budget: &'a Arc<Budget>,
    pub(super) job: Arc<ScrapeJob>,
    pub(super) credentials: Option<Arc<Credentials>>,
}

/// What a scrape came to: what is handed on, and why that is not all.
struct Scraped {
    body: Vec<u8>,
    failure: Option<Failure>,
}

/// What is told of a scrape beside its page.
#[derive(Default)]
struct Figures {
    /// Bytes of the page; -1 of one that has too many.
    size: f64,
    scraped: u64,
    kept: u64,
    added: u64,
}

impl Target {
    /// # Errors
    /// What of the job cannot be used.
    pub(super) fn new(of: &Of<'_>, asked: &ScrapeTarget) -> Result<Target, ScrapeProblem> {
        let Of { receiver, scraping, out, budget, job, credentials } = of;
        Ok(Target {
            receiver: Arc::clone(receiver),
            job: Arc::clone(job),
            asked: asked.clone(),
            names: if scraping.trim_suffixes { Names::Trimmed } else { Names::Whole },
            last: scraping.last_scrape,
            page: Page::of(asked, job, credentials.clone())?,
            memory: Mutex::default(),
            failing: Mutex::default(),
            out: Arc::clone(out),
            budget: Arc::clone(budget),
        })
    }

    /// Scrapes until the intake of `lifetime` ends; for the first time after `delay`.
    pub(super) async fn run(self: Arc<Self>, delay: Duration, lifetime: Lifetime) {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + delay, self.asked.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = lifetime.intake_ended() => break,
                _ = ticks.tick() => {}
            }
            // A scrape that has begun is brought to its end, unless nobody can wait for it.
            tokio::select! {
                () = lifetime.aborted() => return,
                () = Box::pin(Arc::clone(&self).scrape()) => {}
            }
        }
        if self.last == LastScrape::AtTheEnd {
            tokio::select! {
                () = lifetime.aborted() => {}
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

    /// The request that `page` becomes, as though it had just been shown.
    pub(super) fn read_page(&self, content_type: &str, page: Bytes) -> Vec<u8> {
        self.read(Ok(self.page.showing(content_type, page)), unix_nanos(), Duration::ZERO).body
    }

    /// The request that says what `shown` says.
    fn read(&self, shown: Result<Shown, Failure>, now: u64, took: Duration) -> Scraped {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.begin();
        let (mut figures, mut request) = (Figures::default(), Request::new(self.names));
        let before = std::mem::take(&mut memory.about);
        let (series, failure) = match shown.and_then(|shown| self.series(shown, &mut figures)) {
            Ok((series, about)) => {
                memory.about = about;
                (series, None)
            }
            // Whatever was shown before is not known any more.
            Err(failure) => (AllSeries::default(), Some(failure)),
        };
        for (key, values) in series.all {
            let said = values.time.filter(|_| self.job.honor_timestamps);
            let time = said.unwrap_or(now);
            let values = Values { time: said.filter(|_| !self.job.track_timestamps_staleness), ..values };
            let start = memory.start(&key, &values, time, &mut figures.added);
            let start = if counts(key.kind) { start } else { 0 };
            request.add(Point { key, state: State::Shown(values), start, time }, &memory.about);
        }
        memory.note_targets(series.targets.len() as u64, &mut figures.added);
        for Ended { key, marks } in memory.gone() {
            request.add(Point { key, state: State::Ended(marks), start: 0, time: now }, &before);
        }
        if failure.is_some() {
            memory.about = before;
        }
        self.report(&mut request, &figures, failure.as_ref(), now, took);
        let scheme = if self.asked.tls.is_some() { "https" } else { "http" };
        Scraped { body: request.finish(scheme, &series.targets).encode_to_vec(), failure }
    }

    fn series(&self, shown: Shown, figures: &mut Figures) -> Result<(AllSeries, HashMap<String, About>), Failure> {
        figures.size = shown.body.len() as f64;
        let page = self.page(shown).map_err(|what| Failure::new(Class::ScrapeUnreadable, what))?;
        let too_large = |what: String| Failure::new(Class::ScrapeTooLarge, what);
        let labeller = self.labeller();
        let mut series = AllSeries::of(self.source());
        let most = self.job.limits.samples.unwrap_or(u64::MAX);
        figures.scraped = page.samples.len() as u64;
        for sample in page.samples {
            let Some(labels) = labeller.labels(&sample).map_err(too_large)? else { continue };
            figures.kept += 1;
            // Those beyond are counted all the same: that tells what the limit would have to be.
            if figures.kept <= most {
                series.add(sample, labels, &page.about);
            }
        }
        if most < figures.kept {
            return Err(too_large(format!("sample_limit: the page has {} samples, more than {most}", figures.kept)));
        }
        Ok((series, page.about))
    }

    /// What a page says, whatever it is written in.
    fn page(&self, shown: Shown) -> Result<Exposition, String> {
        let format = match shown.format {
            Format::Text(format) => format,
            Format::Protobuf => return protobuf::read(shown.body, &self.job.formats),
        };
        let text = std::str::from_utf8(&shown.body).map_err(|error| format!("the page is not UTF-8: {error}"))?;
        exposition::read(text, format).map_err(|error| error.to_string())
    }

    fn labeller(&self) -> Labeller<'_> {
        Labeller {
            target: &self.asked.labels,
            external: &self.job.external_labels,
            honor: if self.job.honor_labels { Honor::Sample } else { Honor::Target },
            steps: &self.job.relabel,
            limits: &self.job.limits,
        }
    }

    /// `job` and `instance` of the target itself.
    fn source(&self) -> (String, String) {
        let label = |wanted: &str| self.asked.labels.iter().find(|(name, _)| name == wanted);
        let [job, instance] =
            ["job", "instance"].map(|name| label(name).map(|(_, value)| value.clone()).unwrap_or_default());
        (job, instance)
    }

    /// What Prometheus itself tells of a scrape.
    fn report(&self, request: &mut Request, figures: &Figures, failure: Option<&Failure>, now: u64, took: Duration) {
        let mut labels = self.labeller().of_target();
        let source = (labels.remove("job").unwrap_or_default(), labels.remove("instance").unwrap_or_default());
        let labels: Vec<(String, String)> = labels.into_iter().collect();
        let about = reports();
        let is_too_large = failure.is_some_and(|failure| failure.class() == Class::ScrapeTooLarge);
        let size = if is_too_large && figures.size == 0.0 { -1.0 } else { figures.size };
        let more = [
            ("scrape_timeout_seconds", self.asked.timeout.as_secs_f64()),
            ("scrape_sample_limit", self.job.limits.samples.unwrap_or_default() as f64),
            ("scrape_body_size_bytes", size),
        ];
        let told = [
            ("up", f64::from(u8::from(failure.is_none()))),
            ("scrape_duration_seconds", took.as_secs_f64()),
            ("scrape_samples_scraped", figures.scraped as f64),
            ("scrape_samples_post_metric_relabeling", figures.kept as f64),
            ("scrape_series_added", figures.added as f64),
        ];
        for (name, value) in told.into_iter().chain(more.into_iter().filter(|_| self.job.extra_metrics)) {
            let key = Key {
                source: source.clone(),
                scope: Scope::default(),
                name: name.to_owned(),
                kind: Kind::Gauge,
                labels: labels.clone(),
            };
            let state = State::Shown(Values { value: Some(value), ..Values::default() });
            request.add(Point { key, state, start: 0, time: now }, &about);
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

fn reports() -> HashMap<String, About> {
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
    ("scrape_timeout_seconds", "How long a scrape may take", "seconds"),
    ("scrape_sample_limit", "How many samples a scrape may have; 0 is any number", ""),
    ("scrape_body_size_bytes", "Bytes of the page; -1 of one that has too many", "bytes"),
];

/// From here on reading a page takes so long that other work of the thread would wait.
const LARGE: usize = 256 << 10;
