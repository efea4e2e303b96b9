//! The device itself: the keys it was made with and the account it is linked to.

use std::sync::Arc;

use async_trait::async_trait;
use wacore::stats::StorageResourceReport;
use wacore::store::Device;
use wacore::store::device::DEVICE_PROPS;
use wacore::store::error::Result;
use wacore::store::traits::DeviceStore;

use super::{KeyStore, Kind, Row, decode, encode};

/// There is one device an instance.
const KEY: &[u8] = b"device";

#[async_trait]
impl DeviceStore for KeyStore {
    async fn save(&self, device: &Device) -> Result<()> {
        Ok(self.keys.put(Kind::Device, vec![Row::new(KEY.to_vec(), encode(device)?)]).await?)
    }

    async fn load(&self) -> Result<Option<Device>> {
        let value = self.keys.get(Kind::Device, KEY).await?;
        let device: Option<Device> = value.map(|bytes| decode(&bytes)).transpose()?;
        // What is told of the device when it pairs is not part of the stored form.
        Ok(device.map(|device| Device { device_props: Arc::new(DEVICE_PROPS.clone()), ..device }))
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.keys.exists(Kind::Device, KEY).await?)
    }

    async fn create(&self) -> Result<i32> {
        self.save(&Device::new()).await?;
        Ok(1)
    }

    /// Nothing is cached here: what the database holds is not this process's memory.
    async fn resource_report(&self) -> StorageResourceReport {
        StorageResourceReport { memory_bytes: Some(0), ..StorageResourceReport::default() }
    }
}
