//! The series that are shown: what came for each of them, until it has not come again for long enough.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::value::Value;

/// The labels of a series: names with their values, sorted by name.
pub(super) type Labels = Arc<[(Box<str>, Box<str>)]>;

/// What a family of series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Unknown,
}

/// What the series of a metric have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    pub(super) help: Arc<str>,
    pub(super) unit: Arc<str>,
}

/// What is known of a series. Times are in nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) value: Arc<Value>,
    /// Since when it counts; 0 where that is not known.
    pub(super) start: u64,
    /// Of when the value is.
    pub(super) time: u64,
    pub(super) exemplars: Arc<[Exemplar]>,
}

/// A measurement to look closer at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
    pub(super) time: u64,
}

/// What a point does to its series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// The value is this now.
    Replace(Sample),
    /// So much has come on top.
    Add(Sample),
    /// There is no value any more, since this time. The bounds or quantiles of the last one may be known.
    End { time: u64, last: Option<Arc<Value>> },
}

/// A point, ready to be taken.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) head: Arc<Head>,
    pub(super) labels: Labels,
    pub(super) change: Change,
}

/// Where series come from: for `target_info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) job: Option<String>,
    pub(super) instance: Option<String>,
    pub(super) labels: Labels,
}

/// Why a point is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its family is of another type.
    Conflict { name: Arc<str>, known: Kind, refused: Kind },
    /// What came before it is younger.
    Late,
    /// There are as many series as there may be.
    TooMany,
}

/// All series.
#[derive(Debug)]
pub(super) struct Store {
    inner: Mutex<Inner>,
    expiration: Duration,
    most: usize,
}

#[derive(Debug)]
struct Inner {
    families: BTreeMap<Arc<str>, Family>,
    targets: HashMap<(Option<String>, Option<String>), (Labels, Instant)>,
    /// The series of all families.
    series: usize,
    swept: Instant,
}

#[derive(Debug)]
struct Family {
    head: Arc<Head>,
    series: HashMap<Labels, (Sample, Instant)>,
}

/// A family as it is shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) head: Arc<Head>,
    /// Sorted by labels.
    pub(super) series: Vec<(Labels, Sample)>,
}

/// Everything, as it is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) families: Vec<Shown>,
    /// The labels of each target.
    pub(super) targets: Vec<Labels>,
}

impl Store {
    /// A store of at most `most` series, each of which is forgotten when nothing came for it for `expiration`.
    pub(super) fn new(expiration: Duration, most: usize) -> Store {
        let inner = Inner { families: BTreeMap::new(), targets: HashMap::new(), series: 0, swept: Instant::now() };
        Store { inner: Mutex::new(inner), expiration, most }
    }

    /// Takes what came from one target at `now`; answers what was not taken.
    pub(super) fn take(&self, target: Option<Target>, points: Vec<Point>, now: Instant) -> Vec<Refused> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.sweep(self.expiration, self.expiration.max(SHORTEST_SWEEP), now);
        let (count, mut refused) = (points.len(), Vec::new());
        for point in points {
            if let Err(why) = inner.change(point, self.expiration, self.most, now) {
                refused.push(why);
            }
        }
        let Some(Target { job, instance, labels }) = target.filter(|_| refused.len() < count) else { return refused };
        let key = (job, instance);
        if inner.targets.contains_key(&key) || inner.targets.len() < self.most {
            inner.targets.insert(key, (labels, now));
        }
        refused
    }

    /// What is shown at `now`.
    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.sweep(self.expiration, Duration::ZERO, now);
        let mut targets: Vec<Labels> = inner.targets.values().map(|(labels, _)| Arc::clone(labels)).collect();
        let shown = inner.families.values().map(|family| Shown {
            head: Arc::clone(&family.head),
            series: family.series.iter().map(|(labels, (sample, _))| (Arc::clone(labels), sample.clone())).collect(),
        });
        let mut families: Vec<Shown> = shown.collect();
        // What is left takes long where there is much, and needs nobody to wait.
        drop(inner);
        targets.sort();
        families.iter_mut().for_each(|family| family.series.sort_by(|(a, _), (b, _)| a.cmp(b)));
        Snapshot { families, targets }
    }
}

impl Inner {
    fn change(&mut self, point: Point, expiration: Duration, most: usize, now: Instant) -> Result<(), Refused> {
        let Point { head, labels, change } = point;
        if let Change::End { .. } = change {
            self.end(&head, &labels);
            return Ok(());
        }
        let known = self.families.get(&head.name);
        if let Some(known) = known.filter(|known| known.head.kind != head.kind) {
            let (known, refused) = (known.head.kind, head.kind);
            return Err(Refused::Conflict { name: Arc::clone(&head.name), known, refused });
        }
        let is_new = known.is_none_or(|family| !family.series.contains_key(&labels));
        if is_new && most <= self.series {
            self.sweep(expiration, SHORTEST_SWEEP, now);
            if most <= self.series {
                return Err(Refused::TooMany);
            }
        }
        let family = self
            .families
            .entry(Arc::clone(&head.name))
            .or_insert_with(|| Family { head: Arc::clone(&head), series: HashMap::new() });
        match family.series.entry(labels) {
            Entry::Vacant(place) => {
                if let Change::Replace(sample) | Change::Add(sample) = change {
                    place.insert((sample, now));
                    self.series += 1;
                }
                Ok(())
            }
            Entry::Occupied(mut place) => {
                let (sample, seen) = place.get_mut();
                // Only what counts keeps a series alive.
                if sample.follow(change)? {
                    *seen = now;
                }
                Ok(())
            }
        }
    }

    fn end(&mut self, head: &Head, labels: &Labels) {
        let Some(family) = self.families.get_mut(&head.name).filter(|family| family.head.kind == head.kind) else {
            return;
        };
        self.series -= usize::from(family.series.remove(labels).is_some());
        if family.series.is_empty() {
            self.families.remove(&head.name);
        }
    }

    /// Forgets what nothing came for, unless that was done less than `pause` ago.
    fn sweep(&mut self, expiration: Duration, pause: Duration, now: Instant) {
        if now.saturating_duration_since(self.swept) < pause {
            return;
        }
        self.swept = now;
        let is_alive = |seen: &Instant| now.saturating_duration_since(*seen) <= expiration;
        self.families.retain(|_, family| {
            family.series.retain(|_, (_, seen)| is_alive(seen));
            !family.series.is_empty()
        });
        self.targets.retain(|_, (_, seen)| is_alive(seen));
        self.series = self.families.values().map(|family| family.series.len()).sum();
    }
}

impl Sample {
    /// Whether `change` counts: an older value than the one that is known does not.
    fn follow(&mut self, change: Change) -> Result<bool, Refused> {
        let mut new = match change {
            Change::End { .. } => return Ok(false),
            Change::Replace(new) if new.time < self.time => return Ok(false),
            Change::Replace(new) => new,
            Change::Add(new) if new.time <= self.time => return Err(Refused::Late),
            Change::Add(new) => match self.value.plus(&new.value) {
                Some(sum) => Sample { value: Arc::new(sum), start: self.start, ..new },
                None => new,
            },
        };
        if new.exemplars.is_empty() {
            new.exemplars = Arc::clone(&self.exemplars);
        }
        *self = new;
        Ok(true)
    }
}

/// Looking at every series takes its time.
const SHORTEST_SWEEP: Duration = Duration::from_secs(1);
