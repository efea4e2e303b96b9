mod fencing;
mod sealing;
mod traits;
