//! How every aggregate of ours meets cqrs-es: the rules are a pure function, and `handle` only writes what it decided.

use std::future::Future;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;

/// An aggregate whose rules are a pure function of its state and a command.
///
/// A command that changes nothing succeeds with no event. `apply` never fails, never decides, reads no clock.
pub trait Decide: Aggregate<Services = ()> + Clone {
    /// The events the command leads to, or the rule it breaks.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// Writes what [`Decide::decide`] decided: the body of every `Aggregate::handle`.
    fn write_decided(
        &mut self,
        command: Self::Command,
        sink: &EventSink<Self>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send
    where
        Self::Command: Send,
        Self::Event: Send,
        Self::Error: Send,
    {
        async move {
            for event in self.decide(command)? {
                sink.write(event, self).await;
            }
            Ok(())
        }
    }
}
