//! What a request costs: the fields that its answer may come to, a list counted as long as it is asked for. As many as
//! the largest page of REST has are as much as one request.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{ServerError, ValidationResult, async_trait};
use axum::response::Response;
use interflow_application::read::PageRequest;

use super::asker::Asker;
use crate::limits::Admission;

/// How many fields cost as much as one request of REST: a page of 100 messages, each of some 20.
pub const FIELDS_OF_A_REQUEST: usize = 2_000;

/// A list of so many entries, each of so many fields. What is out of bounds is refused later.
pub fn page(first: Option<i32>, last: Option<i32>, each: usize) -> usize {
    let most = PageRequest::MAX_SIZE as usize;
    let size =
        first.or(last).map_or(PageRequest::DEFAULT_SIZE as usize, |size| usize::try_from(size).unwrap_or(1));
    size.clamp(1, most) * each
}

/// What became of charging for a request.
#[derive(Clone, Default)]
pub struct Bill(Arc<Mutex<Option<Result<Admission, Response>>>>);

impl Bill {
    /// What became of it, if it came so far.
    pub fn settle(&self) -> Option<Result<Admission, Response>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, charged: Result<Admission, Response>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(charged);
    }
}

/// Charges for every request that is valid, before it is carried out.
pub struct Charging;

impl ExtensionFactory for Charging {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Charging {
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(context).await?;
        let (Some(asker), Some(bill)) = (context.data_opt::<Asker>(), context.data_opt::<Bill>()) else {
            return Ok(valid);
        };
        let requests = valid.complexity.div_ceil(FIELDS_OF_A_REQUEST).max(1);
        let more = u32::try_from(requests - 1).unwrap_or(u32::MAX);
        let charged = asker.app.limits.charge(asker.caller, asker.admission, more).await;
        let is_refused = charged.is_err();
        bill.note(charged);
        // The answer is the one on the bill.
        if is_refused { Err(vec![ServerError::new("too many requests", None)]) } else { Ok(valid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_costs_as_many_entries_as_are_asked_for() {
        assert_eq!(page(None, None, 3), 60);
        assert_eq!((page(Some(5), None, 3), page(None, Some(7), 1)), (15, 7));
        assert_eq!((page(Some(-1), None, 3), page(Some(1_000_000), None, 1)), (3, 100));
    }
}
