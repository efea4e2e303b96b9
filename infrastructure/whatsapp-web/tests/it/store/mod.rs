mod fencing;
mod forgetting;
mod sealing;
mod traits;
