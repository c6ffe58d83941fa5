//! Whether memory is so short that data is refused for it: then those who hold some without using it give way.

use std::future::pending;

use tokio::sync::watch;

/// How many limiters refuse data at the moment. Clones are one and the same.
#[derive(Clone, Debug)]
pub struct Pressure(watch::Sender<usize>);

/// Refuses data, for as long as it lives.
#[derive(Debug)]
pub struct Refusing(Pressure);

/// Who waits for the pressure to rise or fall.
#[derive(Debug)]
pub struct Gauge {
    /// Keeps the sender alive.
    _pressure: Pressure,
    refusing: watch::Receiver<usize>,
}

impl Default for Pressure {
    fn default() -> Pressure {
        Pressure(watch::Sender::new(0))
    }
}

impl Pressure {
    /// Whether anybody refuses.
    pub fn is_high(&self) -> bool {
        *self.0.borrow() != 0
    }

    /// Somebody refuses from now on.
    #[must_use]
    pub fn refuse(&self) -> Refusing {
        // Those who wait need not look again when one more does.
        self.0.send_if_modified(|refusing| {
            *refusing += 1;
            *refusing == 1
        });
        Refusing(self.clone())
    }

    /// To wait by.
    pub fn gauge(&self) -> Gauge {
        Gauge { _pressure: self.clone(), refusing: self.0.subscribe() }
    }
}

impl Gauge {
    /// Ends when anybody refuses.
    pub async fn high(&mut self) {
        if self.refusing.wait_for(|refusing| *refusing != 0).await.is_err() {
            pending().await
        }
    }

    /// Ends when nobody refuses.
    pub async fn low(&mut self) {
        if self.refusing.wait_for(|refusing| *refusing == 0).await.is_err() {
            pending().await
        }
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.0.0.send_if_modified(|refusing| {
            *refusing -= 1;
            *refusing == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn it_is_high_as_long_as_anybody_refuses() {
        let pressure = Pressure::default();
        let mut gauge = pressure.gauge();
        assert_eq!((gauge.high().now_or_never(), gauge.low().now_or_never()), (None, Some(())));
        let (one, other) = (pressure.refuse(), pressure.refuse());
        drop(one);
        assert_eq!((gauge.high().now_or_never(), gauge.low().now_or_never()), (Some(()), None));
        assert!(pressure.is_high());
        drop(other);
        assert_eq!((gauge.high().now_or_never(), gauge.low().now_or_never()), (None, Some(())));
        assert!(!pressure.is_high());
    }
}
