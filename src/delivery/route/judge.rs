//! What a failed attempt says of the target that it went to.

use crate::failure::{Class, Failure, Heals};

/// Whose fault a failure is, as far as the choice of a target is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The target answered, and refuses this data for what it is: another target is no better, and this one is well.
    Content,
    /// This process: it says nothing of any target.
    Own,
    /// The target cannot take anything until a person changes something: a wrong certificate, no such host, a token that
    /// is not accepted.
    NeedsMending,
    /// It may pass.
    Passing,
}

/// Judges `failure` by its class.
pub(super) fn judge(failure: &Failure) -> Judgement {
    match failure.class() {
        Class::ShuttingDown
        | Class::Panicked
        | Class::MemoryLimited
        | Class::QueueFull
        | Class::TooLargeForQueue
        | Class::TooManyCombinations => Judgement::Own,
        Class::InvalidData
        | Class::MessageTooLarge
        | Class::PartialSuccessRejected
        | Class::MalformedRequest
        | Class::RequestTooLarge => Judgement::Content,
        class if class.row().heals == Heals::Person => Judgement::NeedsMending,
        _ => Judgement::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(class: Class, expected: Judgement) {
        assert_eq!(judge(&Failure::new(class, "as told")), expected, "{class}");
    }

    #[test]
    fn what_a_person_must_mend_is_told_from_what_passes_and_from_bad_data() {
        check(Class::TlsUnknownCa, Judgement::NeedsMending);
        check(Class::DnsNotFound, Judgement::NeedsMending);
        check(Class::Unauthenticated, Judgement::NeedsMending);
        check(Class::DiskFull, Judgement::NeedsMending);
        check(Class::ConnectionRefused, Judgement::Passing);
        check(Class::ServerInternalError, Judgement::Passing);
        check(Class::RateLimited, Judgement::Passing);
        check(Class::InvalidData, Judgement::Content);
        check(Class::MessageTooLarge, Judgement::Content);
        check(Class::ShuttingDown, Judgement::Own);
        check(Class::MemoryLimited, Judgement::Own);
    }
}
