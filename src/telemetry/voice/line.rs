//! One line about failed attempts of an exporter: the first of its kind, or the summary of what lasts.

use std::fmt;
use std::time::Duration;

use crate::failure::{Class, Failure, Heals, Phase, Retry};
use crate::ident::ComponentId;
use crate::signal::Signal;
use crate::telemetry::clock::{Moment, go_duration};
use crate::telemetry::outlook::Outlook;
use crate::telemetry::state::ExporterState;
use crate::units::Items;

use super::Loss;
use super::edit;
use super::incidents::Said;

/// A line that is ready but for what became of the data.
#[derive(Debug)]
pub(super) struct Line {
    signal: Signal,
    class: Class,
    phase: Phase,
    retry: Retry,
    endpoint: Option<String>,
    cause: String,
    queued: Option<u64>,
    about: About,
}

#[derive(Debug)]
enum About {
    First { edit: Option<String>, previous: Option<Class>, folded: u64 },
    Still { count: u64, lasting: Duration, outlook: Option<Outlook> },
}

/// What became of the data of failed attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) loss: Loss,
    /// Of all events that this line stands for.
    pub(super) items: Items,
    /// How many events were not told before.
    pub(super) folded: u64,
}

impl Line {
    /// What is to be said of `failure`, with this cause; nothing if it has been told. `state` knows what waits behind it,
    /// and how long it can.
    pub(super) fn of(
        exporter: &ComponentId,
        signal: Signal,
        failure: &Failure,
        cause: String,
        said: Said,
        state: &ExporterState,
    ) -> Option<Line> {
        let about = match said {
            Said::Nothing => return None,
            Said::First { previous, folded } => About::First { edit: edit(exporter, failure), previous, folded },
            Said::Still { count, lasting } => {
                // What is not tried again is gone.
                let outlook = state.outlook().filter(|_| failure.retry() != Retry::Never);
                About::Still { count, lasting, outlook }
            }
        };
        Some(Line {
            signal,
            class: failure.class(),
            phase: failure.phase(),
            retry: failure.retry(),
            endpoint: failure.endpoint().map(str::to_owned),
            cause,
            queued: state.queued(),
            about,
        })
    }

    /// Whether it tells of such failures.
    pub(super) fn is_of(&self, signal: Signal, class: Class) -> bool {
        self.signal == signal && self.class == class
    }

    /// Writes it. `dropped` is all that was given up since all was well.
    pub(super) fn say(&self, exporter: &ComponentId, dropped: Items, fate: Option<Fate>) {
        let row = self.class.row();
        let is_lost = matches!(fate, Some(Fate { loss: Loss::Dropped | Loss::Refused, .. }));
        let is_error = is_lost || row.heals == Heals::Person;
        match &self.about {
            About::First { edit, previous, folded } => {
                let folded = folded + fate.map_or(0, |fate| fate.folded);
                macro_rules! say {
                    ($level:ident) => {
                        tracing::$level!(
                            class = row.code,
                            family = row.family.name(),
                            exporter = %exporter,
                            data_type = self.signal.name(),
                            endpoint = self.endpoint,
                            phase = self.phase.name(),
                            retry = %Again(self.retry),
                            meaning = row.meaning,
                            cause = self.cause,
                            remedy = row.remedy,
                            edit,
                            previous_class = previous.map(Class::code),
                            folded = (folded != 0).then_some(folded),
                            queued = self.queued,
                            dropped_items = Fate::items_of(fate, Loss::Dropped),
                            rejected_items = Fate::items_of(fate, Loss::Refused),
                            dead_lettered_items = Fate::items_of(fate, Loss::DeadLettered),
                            dropped = dropped.0,
                            help = %format_args!("otlp-relay explain {}", row.code),
                            "export failed{}", Fate::in_words(fate)
                        )
                    };
                }
                if is_error { say!(error) } else { say!(warn) }
            }
            About::Still { count, lasting, outlook } => {
                let since = Moment::now().before(*lasting);
                let left = outlook.map(|outlook| outlook.left().map_or_else(|| "never".to_owned(), go_duration));
                macro_rules! say {
                    ($level:ident) => {
                        tracing::$level!(
                            class = row.code,
                            exporter = %exporter,
                            data_type = self.signal.name(),
                            endpoint = self.endpoint,
                            count,
                            since = %since,
                            lasting = go_duration(*lasting),
                            cause = self.cause,
                            queued = self.queued,
                            dropped_items = Fate::items_of(fate, Loss::Dropped),
                            rejected_items = Fate::items_of(fate, Loss::Refused),
                            dead_lettered_items = Fate::items_of(fate, Loss::DeadLettered),
                            dropped = dropped.0,
                            will_drop_in = left,
                            will_drop_by = outlook.and_then(Outlook::decided_by),
                            "export still failing{}", Fate::in_words(fate)
                        )
                    };
                }
                if is_error { say!(error) } else { say!(warn) }
            }
        }
    }
}

impl Fate {
    fn items_of(fate: Option<Fate>, loss: Loss) -> Option<u64> {
        fate.filter(|fate| fate.loss == loss).map(|fate| fate.items.0)
    }

    /// The Collector's words for it, where it has some.
    fn in_words(fate: Option<Fate>) -> &'static str {
        match fate.map(|fate| fate.loss) {
            Some(Loss::Dropped) => ". Dropping data.",
            Some(Loss::Refused) => ". Rejecting data.",
            Some(Loss::DeadLettered) => ". Data is set aside as dead letters.",
            Some(Loss::Rejected | Loss::NotKept) | None => "",
        }
    }
}

/// When it is tried again, in words.
struct Again(Retry);

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Retry::Never => f.write_str("no"),
            Retry::BackOff => f.write_str("yes (backs off)"),
            Retry::Hold => f.write_str("yes (at the longest interval)"),
            Retry::After(delay) => write!(f, "yes (after {})", go_duration(delay)),
        }
    }
}
