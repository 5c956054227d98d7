//! Goes to a running lab, and does one thing there.

use std::time::Duration;

use super::{
    Failure,
    place::{Options, Place, within},
};
use crate::client::{Client, LabState};

/// Finds the lab that is meant, and does `work` with it, on this thread alone.
pub(super) fn visit<T>(
    options: &Options,
    work: impl AsyncFnOnce(&Place, &str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let place = Place::read(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::broken(error.to_string()))?;
    let done = runtime.block_on(async {
        let lab = match &place.lab {
            Some(lab) => lab.clone(),
            None => within(place.only_lab()).await?,
        };
        work(&place, &lab).await
    });
    // A terminal that was stopped may still hold up a write.
    runtime.shutdown_timeout(Duration::ZERO);
    done
}

/// Comes to a lab as a client that watches no terminal, and reads how the lab is.
pub(super) async fn greet(
    place: &Place,
    lab: &str,
    client_id: &str,
) -> Result<(Client, LabState), Failure> {
    let failed = |error| place.failure(error, lab);
    let mut client = Client::connect(&place.socket(lab)).await.map_err(failed)?;
    let state = client.initialize(client_id, false, None, None).await;
    Ok((client, state.map_err(failed)?))
}
