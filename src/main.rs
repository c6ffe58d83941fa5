//! The program: names its allocator, and hands the command line to `otlp_relay::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "jemalloc")]
    {
        jemalloc::set_decay();
        otlp_relay::memory::set_allocator(&jemalloc::Statistics);
    }
    otlp_relay::cli::run(std::env::args_os())
}

/// jemalloc gives freed memory back to the system in time, and knows what is live.
#[cfg(feature = "jemalloc")]
mod jemalloc {
    use otlp_relay::memory::{Allocated, Allocator};
    use otlp_relay::units::ByteCount;
    use tikv_jemalloc_ctl::{Access, AsName, arenas, epoch, stats};

    #[global_allocator]
    static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

    /// What jemalloc counts.
    pub(super) struct Statistics;

    /// Has what is free given back to the system after a second instead of ten, in the arenas that there are and in those
    /// to come: in an outage it would be a tenth of what the relay takes.
    pub(super) fn set_decay() {
        let ours = |name: &str| {
            // A jemalloc that refuses keeps its own.
            let _ = Access::<isize>::write(format!("{name}.dirty_decay_ms\0").name(), DECAY_MS);
        };
        ours("arenas");
        (0..arenas::narenas::read().unwrap_or(0)).for_each(|arena| ours(&format!("arena.{arena}")));
    }

    const DECAY_MS: isize = 1000;

    impl Allocator for Statistics {
        fn allocated(&self) -> Option<Allocated> {
            // Statistics are those of the moment of the last advance.
            epoch::advance().ok()?;
            let (live, mapped) = (stats::allocated::read().ok()?, stats::mapped::read().ok()?);
            let used = stats::active::read().ok()? + stats::metadata::read().ok()?;
            let free = stats::resident::read().ok()?.saturating_sub(used);
            Some(Allocated { live: ByteCount::of(live), mapped: ByteCount::of(mapped), free: ByteCount::of(free) })
        }

        /// A decay time of zero returns free pages at once. What an arena refuses stays as it was: it decays anyway.
        fn release(&self) {
            for arena in 0..arenas::narenas::read().unwrap_or(0) {
                let name = format!("arena.{arena}.dirty_decay_ms\0");
                if let Ok(decay) = Access::<isize>::update(name.name(), 0) {
                    let _ = Access::<isize>::write(name.name(), decay);
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::unwrap_used)]

        use super::*;

        #[test]
        fn live_bytes_follow_what_is_held_and_releasing_keeps_the_decay() {
            let held = vec![1_u8; 64 << 20];
            let with = Statistics.allocated().unwrap();
            assert!(ByteCount::mib(64) <= with.live && with.live <= with.mapped, "{with:?}");
            drop(held);
            let decay = || Access::<isize>::read(b"arena.0.dirty_decay_ms\0".name()).unwrap();
            let before = decay();
            Statistics.release();
            let without = Statistics.allocated().unwrap();
            assert!(without.live + ByteCount::mib(63) < with.live, "{without:?} after {with:?}");
            assert!(without.free < ByteCount::mib(8), "{without:?}");
            assert_eq!(decay(), before);
        }
    }
}
