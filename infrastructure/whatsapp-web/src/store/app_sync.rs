//! The keys and versions of WhatsApp's app state (settings the phone shares with its linked devices).

use std::collections::HashMap;

use async_trait::async_trait;
use wacore::appstate::hash::HashState;
use wacore::appstate::processor::AppStateMutationMAC;
use wacore::store::error::Result;
use wacore::store::traits::{AppStateSyncKey, AppSyncStore};

use super::{KeyStore, Kind, Row, decode, encode};

impl KeyStore {
    fn collection(&self, name: &str) -> Vec<u8> {
        self.keys.hash("collection", &[name.as_bytes()])
    }

    fn mutation(&self, name: &str, index_mac: &[u8]) -> Vec<u8> {
        self.keys.hash("mutation", &[name.as_bytes(), index_mac])
    }
}

#[async_trait]
impl AppSyncStore for KeyStore {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        let value = self.keys.get(Kind::SyncKey, key_id).await?;
        Ok(value.map(|bytes| decode(&bytes)).transpose()?)
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        let row = Row::new(key_id.to_vec(), encode(&key)?).stamped(wacore::time::now_millis());
        Ok(self.keys.put(Kind::SyncKey, vec![row]).await?)
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        let value = self.keys.get(Kind::SyncVersion, &self.collection(name)).await?;
        Ok(value.map(|bytes| decode(&bytes)).transpose()?.unwrap_or_default())
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        let row = Row::new(self.collection(name), encode(&state)?);
        Ok(self.keys.put(Kind::SyncVersion, vec![row]).await?)
    }

    async fn put_mutation_macs(
        &self,
        name: &str,
        _version: u64,
        mutations: &[AppStateMutationMAC],
    ) -> Result<()> {
        let scope = self.collection(name);
        let rows = mutations.iter().map(|mutation| {
            Row::new(self.mutation(name, &mutation.index_mac), &mutation.value_mac[..])
                .in_scope(scope.clone())
        });
        Ok(self.keys.put(Kind::MutationMac, rows.collect()).await?)
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.get(Kind::MutationMac, &self.mutation(name, index_mac)).await?)
    }

    async fn get_mutation_macs(
        &self,
        name: &str,
        index_macs: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let wanted: HashMap<Vec<u8>, [u8; 32]> =
            index_macs.iter().map(|index_mac| (self.mutation(name, index_mac), *index_mac)).collect();
        let keys: Vec<_> = wanted.keys().cloned().collect();
        let found = self.keys.find(Kind::MutationMac, &keys).await?;
        Ok(found.into_iter().filter_map(|row| Some((*wanted.get(&row.key)?, row.value))).collect())
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        let keys: Vec<_> = index_macs.iter().map(|index_mac| self.mutation(name, index_mac)).collect();
        Ok(self.keys.delete(Kind::MutationMac, &keys).await?)
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        Ok(self.keys.delete_scope(Kind::MutationMac, &self.collection(name)).await?)
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.all(Kind::SyncKey).await?.into_iter().next().map(|row| row.key))
    }
}
