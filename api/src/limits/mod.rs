//! The requests a workspace's plan allows: every request with a key that works is counted, whatever becomes of it.
//!
//! Cast:
//! - the [`Limiter`] counts, for all server processes together;
//! - [`Refusals`] remembers for a moment who was refused, so that a flood is answered from memory and costs the
//!   database nothing;
//! - [`headers`] tells the caller where it stands.
//!
//! When the limiter fails, requests are served uncounted: it divides what there is, it does not protect it. What does,
//! the bounds on calls and commands that wait, holds all the same.

mod headers;
mod refusals;

use std::sync::Arc;
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use interflow_application::limits::{Limiter, Standing, quota};

use crate::auth::{Caller, Fingerprint};
use crate::error::{ApiError, Code};
use refusals::Refusals;

/// Admits requests as the plans of their workspaces allow.
pub struct Limits {
    limiter: Arc<dyn Limiter>,
    refusals: Refusals,
}

/// A request that was counted, or need not be: what its answer tells of the quota.
#[derive(Debug, Clone, Copy)]
pub struct Admission(Option<(u32, Standing)>);

impl Limits {
    /// Limits that count with this limiter.
    #[must_use]
    pub fn new(limiter: Arc<dyn Limiter>) -> Self {
        Self { limiter, refusals: Refusals::default() }
    }

    /// The answer to a key that was refused a moment ago, from memory. Once a second it is let through, to be looked at
    /// again: its workspace may have another plan now.
    #[must_use]
    pub fn recall(&self, key: Fingerprint) -> Option<Response> {
        let refusal = self.refusals.recall(key, Instant::now())?;
        Some(refused(refusal.caller, refusal.quota, refusal.standing))
    }

    /// Counts a request; or the answer that refuses it.
    pub async fn admit(&self, caller: Caller, key: Fingerprint) -> Result<Admission, Response> {
        let Some(quota) = quota(caller.plan) else {
            self.refusals.forget(key);
            return Ok(Admission(None));
        };
        match self.limiter.count(caller.workspace, caller.key, quota, 1).await {
            Ok(standing) if standing.admitted => {
                self.refusals.forget(key);
                Ok(Admission(Some((quota, standing))))
            }
            Ok(standing) => {
                self.refusals.remember(key, caller, quota, standing.resets_in, Instant::now());
                Err(refused(caller, quota, standing))
            }
            Err(error) => {
                let error = ApiError::from(error);
                tracing::warn!(?error, "a request could not be counted; it is served");
                Ok(Admission(None))
            }
        }
    }

    /// Counts what a request that was admitted costs beyond one; or the answer that refuses it. It is refused without
    /// being counted when it costs more than its key had left; the key may go on with what costs less.
    pub async fn charge(
        &self,
        caller: Caller,
        admitted: Admission,
        more: u32,
    ) -> Result<Admission, Response> {
        let Admission(Some((quota, before))) = admitted else { return Ok(admitted) };
        if more == 0 {
            return Ok(admitted);
        }
        if before.remaining < more {
            return Err(too_dear(caller, quota, before, more));
        }
        match self.limiter.count(caller.workspace, caller.key, quota, more).await {
            Ok(standing) if standing.admitted => Ok(Admission(Some((quota, standing)))),
            Ok(standing) => Err(too_dear(caller, quota, standing, more)),
            Err(error) => {
                let error = ApiError::from(error);
                tracing::warn!(?error, "what a request costs could not be counted; it is served");
                Ok(admitted)
            }
        }
    }
}

impl Admission {
    /// Writes on an answer what its caller has left, where nobody who knows better has done so.
    pub fn tell(self, response: &mut Response) {
        if let Some((quota, standing)) = self.0
            && !headers::are_written(response.headers())
        {
            headers::write(response.headers_mut(), quota, standing);
        }
    }
}

fn refused(caller: Caller, quota: u32, standing: Standing) -> Response {
    let wait = headers::seconds(standing.resets_in);
    let message = format!(
        "The {quota} requests a minute of this workspace's plan are used up, or set aside for its other keys: \
         try again in {wait} s"
    );
    limited(caller, quota, standing, message)
}

fn too_dear(caller: Caller, quota: u32, standing: Standing, more: u32) -> Response {
    let (costs, wait) = (more + 1, headers::seconds(standing.resets_in));
    let remedy =
        if costs > quota { "ask for less".to_owned() } else { format!("ask for less, or again in {wait} s") };
    let message = format!(
        "This costs as much as {costs} of the {quota} requests a minute of this workspace's plan, of which {} are \
         left: {remedy}",
        standing.remaining
    );
    limited(caller, quota, Standing { admitted: false, ..standing }, message)
}

fn limited(caller: Caller, quota: u32, standing: Standing, message: String) -> Response {
    let mut response = ApiError::new(Code::RateLimited, message).into_response();
    headers::write(response.headers_mut(), quota, standing);
    response.extensions_mut().insert(caller);
    response
}
