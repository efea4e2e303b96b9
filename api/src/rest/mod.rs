//! The two REST faces: Interflow's (`/v1`) and Flowcore's (`/api/whatsapp`).

pub mod v1;
pub mod whatsapp;
