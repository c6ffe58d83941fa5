//! `load`: generates load, shows how it goes, and prints what it came to.

mod flags;

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::service;
use crate::tools::load::{self as tool, Ending, Fault, Live, Outcome, Stop, Told, Verified, Work};

use super::{complain, say};

pub(super) use flags::Load;

/// Runs it to its end.
pub(super) fn load(asked: &Load) -> ExitCode {
    match run(asked) {
        Ok(Success::Yes) => ExitCode::SUCCESS,
        Ok(Success::No) => ExitCode::FAILURE,
        Err(why) => {
            complain(&format!("Error: {why}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Whether it came to what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Success {
    Yes,
    No,
}

fn run(asked: &Load) -> Result<Success, String> {
    let (work, notes) = asked.work()?;
    notes.iter().for_each(|note| complain(&format!("Warning: {note}\n")));
    service::raise_limit();
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(send(asked, &work))?;
    let verified = runtime.block_on(verify(asked, &work, &outcome));
    runtime.shutdown_background();
    let (verified, unasked) = match verified {
        Ok(verified) => (verified, None),
        Err(why) => (None, Some(why)),
    };
    if asked.json {
        say(&format!("{}\n", tool::json(&work, &outcome, verified.as_ref())))?;
    } else {
        say(&tool::summary(&work, &outcome, verified.as_ref()))?;
    }
    if outcome.ending == Ending::GaveUp {
        let limit = work.give_up.unwrap_or_default();
        complain(&format!("Gave up: nothing has succeeded for {limit:?} (--give-up-after)\n"));
    }
    if let Some(why) = unasked {
        return Err(format!("--verify: {why}"));
    }
    let is_clean = verified.is_none_or(|verified| verified.is_clean());
    Ok(if is_clean && outcome.tally.accepted > 0 { Success::Yes } else { Success::No })
}

async fn send(asked: &Load, work: &Work) -> Result<Outcome, String> {
    let stop = Stop::default();
    tokio::spawn(listen(stop.clone()));
    if !asked.json {
        complain(&format!("Sending {}; Ctrl-C ends it\n", asked.aim()));
    }
    let bar = bar(work);
    let mut told = |told: Told<'_>| match told {
        Told::Progress(live) => show(&bar, work, live),
        Told::Failure(what) => bar.suspend(|| complain(&format!("Failed: {what}\n"))),
        Told::Ending => bar.suspend(|| complain("Ending: answers are waited for; another Ctrl-C ends it at once\n")),
    };
    let outcome = tool::load(work, &stop, &mut told).await;
    bar.finish_and_clear();
    outcome.map_err(|fault| match fault {
        Fault::Setup(problem) => flags::setup(&problem),
        fault => fault.to_string(),
    })
}

/// The first signal ends the sending, the second the waiting for answers.
async fn listen(stop: Stop) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for token in [&stop.sending, &stop.waiting] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        token.cancel();
    }
}

async fn verify(asked: &Load, work: &Work, outcome: &Outcome) -> Result<Option<Verified>, String> {
    let Some(sink) = &asked.verify else { return Ok(None) };
    if !asked.json {
        complain(&format!("Asking {} what has arrived\n", sink.text));
    }
    let Outcome { tally, sequences, .. } = outcome;
    tool::verify(sink, &work.run, tally, sequences, asked.verify_timeout).await.map(Some)
}

/// A bar on a terminal; nothing anywhere else.
fn bar(work: &Work) -> ProgressBar {
    let length = work.count.or_else(|| work.duration.map(millis));
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = if length.is_some() { "{bar:20} {wide_msg}" } else { "{spinner} {wide_msg}" };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn show(bar: &ProgressBar, work: &Work, live: &Live) {
    let Live { elapsed, items, failed, items_per_second, p50, p99 } = live;
    bar.set_position(if work.count.is_some() { *items } else { millis(*elapsed) });
    let mut text = format!("{:.0} s, {items} items, {items_per_second:.0}/s", elapsed.as_secs_f64());
    if let (Some(p50), Some(p99)) = (p50, p99) {
        text.push_str(&format!(", p50 {p50:.1?}, p99 {p99:.1?}"));
    }
    if *failed > 0 {
        text.push_str(&format!(", {failed} requests failed"));
    }
    bar.set_message(text);
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
