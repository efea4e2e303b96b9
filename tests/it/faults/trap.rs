//! Something that is done to the world when a group has come to a step for the n-th time, once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use futures::future::BoxFuture;
use interflow_domain::WorkspaceId;
use interflow_infrastructure::event_log::{Seam, Settings, Step};

type Act = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

pub struct Trap {
    step: Step,
    left: AtomicI64,
    act: Act,
}

impl Trap {
    /// The n-th group that comes to the step does this before it goes on.
    pub fn at<F>(step: Step, nth: i64, act: impl Fn() -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Arc::new(Self { step, left: AtomicI64::new(nth), act: Box::new(move || Box::pin(act())) })
    }

    pub fn sprung(&self) -> bool {
        self.left.load(Ordering::SeqCst) <= 0
    }

    /// Settings of a log that walks into it.
    pub fn settings(self: &Arc<Self>) -> Settings {
        Settings { seam: Some(Arc::clone(self) as Arc<dyn Seam>), ..Settings::default() }
    }
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trap({:?})", self.step)
    }
}

#[async_trait]
impl Seam for Trap {
    async fn reached(&self, step: Step, _: WorkspaceId) {
        if step == self.step && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            (self.act)().await;
        }
    }
}
