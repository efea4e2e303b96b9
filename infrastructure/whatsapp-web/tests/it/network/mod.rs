mod connection;
mod footprint;
mod linking;
mod messages;
mod safety;
