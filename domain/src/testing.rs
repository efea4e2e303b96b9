//! What the tests of all aggregates share.

use std::fmt::Debug;
use std::str::FromStr;

use chrono::{DateTime, TimeZone, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use crate::Decide;

/// A value, from a text that is known to be right.
pub fn value<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The id with this number.
pub const fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A time, so many seconds into a day.
pub fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_767_225_600 + second, 0).unwrap()
}

/// An aggregate to which this happened.
pub fn given<A: Decide>(events: Vec<A::Event>) -> AggregateTestExecutor<A> {
    TestFramework::with(()).given(events)
}

/// What these events amount to.
pub fn state<A: Decide>(events: Vec<A::Event>) -> A {
    let mut state = A::default();
    for event in events {
        state.apply(event);
    }
    state
}

/// In every one of these histories each of these commands, given twice in a row, records nothing the second time.
pub fn assert_repeating_changes_nothing<A>(histories: &[Vec<A::Event>], commands: &[A::Command])
where
    A: Decide<Command: Clone + Debug, Event: Debug>,
{
    for history in histories {
        for command in commands {
            let mut state: A = state(history.clone());
            let Ok(events) = state.decide(command.clone()) else { continue };
            for event in events {
                Aggregate::apply(&mut state, event);
            }
            let again = state.decide(command.clone()).unwrap_or_default();
            assert!(again.is_empty(), "{command:?} after {history:?} recorded again {again:?}");
        }
    }
}
