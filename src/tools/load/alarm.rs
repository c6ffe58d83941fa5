//! Waking in time: the runtime's own timers go by milliseconds, in which twenty requests may be due.

use std::io;
use std::time::Instant;

/// Wakes one task on the runtime that it was made on.
#[derive(Debug)]
pub(super) struct Alarm(kernel::Timer);

impl Alarm {
    /// An alarm of the current runtime.
    ///
    /// # Errors
    /// When the process may open no more files.
    pub(super) fn new() -> io::Result<Alarm> {
        kernel::Timer::new().map(Alarm)
    }

    /// Ends at `at`, not before it.
    ///
    /// # Errors
    /// None that are known of: the kernel's word on a timer of our own.
    pub(super) async fn until(&self, at: Instant) -> io::Result<()> {
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.0.pass(left).await?;
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::net::unix::pipe;

    /// A timer that goes by nanoseconds: timerfd_create(2). It is read like a pipe, whose type the runtime has.
    #[derive(Debug)]
    pub(super) struct Timer(pipe::Receiver);

    impl Timer {
        pub(super) fn new() -> io::Result<Timer> {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            Ok(Timer(pipe::Receiver::from_owned_fd_unchecked(timer)?))
        }

        /// Ends when `time` has passed, or earlier if an older alarm rings.
        pub(super) async fn pass(&self, time: Duration) -> io::Result<()> {
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let it_value = Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: time.subsec_nanos().into(),
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value })?;
            loop {
                self.0.readable().await?;
                match self.0.try_read(&mut [0; 8]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read.map(|_| ()),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io;
    use std::time::Duration;

    /// The runtime's own timer.
    #[derive(Debug)]
    pub(super) struct Timer;

    impl Timer {
        pub(super) fn new() -> io::Result<Timer> {
            Ok(Timer)
        }

        pub(super) async fn pass(&self, time: Duration) -> io::Result<()> {
            tokio::time::sleep(time).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn an_alarm_rings_not_before_its_time_and_again_after_one_that_was_given_up() {
        let alarm = Alarm::new().unwrap();
        let at = Instant::now() + Duration::from_micros(300);
        let far = Instant::now() + Duration::from_secs(3600);
        let given_up = tokio::time::timeout(Duration::from_millis(1), alarm.until(far)).await;
        assert!(given_up.is_err());
        alarm.until(at).await.unwrap();
        let at = Instant::now() + Duration::from_micros(300);
        alarm.until(at).await.unwrap();
        assert!(at <= Instant::now());
    }
}
