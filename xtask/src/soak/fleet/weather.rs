//! `strata-weather` in a soak: values at places, members, fields, maps, tracks; forecasts as jobs.

use std::path::Path;

use anyhow::Result;

use super::{Ask, Asking, Disk, Like, Part, Site, Unit, made, text};
use crate::soak::work::Job;

const FAMILY: &str = "dry-planet";

pub(super) fn part(site: &Site, folder: &Path, disk: &Disk) -> Result<Part> {
    let data = folder.join("data");
    std::fs::create_dir_all(&data)?;
    let models = text(&site.work.join("models"));
    let path = text(&data.join("calm.nc"));
    let file = "datasets/weather/analysis.nc";
    made(
        site,
        "weather",
        &[
            "forecast",
            "--model",
            FAMILY,
            "--models-dir",
            &models,
            "--file",
            file,
            "--lead-time",
            "48",
            "--path",
            &path,
            "--quiet",
        ],
    )?;
    Ok(Part {
        name: "weather",
        args: vec![
            "--weather-data".to_owned(),
            text(&data),
            "--jobs-dir".to_owned(),
            text(&disk.folder().join("jobs")),
        ],
        models: &[],
        streams: &[],
        documents: false,
        asks,
        jobs,
    })
}

fn asks(a: &Asking<'_>) -> Result<Vec<Ask>> {
    let place = "latitude=35&longitude=116.4&models=dry-planet&hourly=temperature_500hPa";
    let model = "model=dry-planet";
    let field = format!("/v1/fields?{model}&variable=temperature_500hPa&step=12&columns=36");
    let get = |name, weight, like, path: &str| a.get(name, weight, like, path);
    Ok(vec![
        get("forecast", 10, Like::Json, &format!("/v1/forecast?{place}")),
        get(
            "forecast of places",
            5,
            Like::Json,
            "/v1/forecast?latitude=0,10,-40&longitude=20,30,300&hourly=temperature_850hPa&models=dry-planet",
        ),
        get("forecast, CSV", 3, Like::Bytes, &format!("/v1/forecast?{place}&format=csv")),
        get("ensemble", 5, Like::Json, &format!("/v1/ensemble?{place}")),
        get("field", 5, Like::Json, &field),
        get("field, bytes", 4, Like::Bytes, &format!("{field}&format=bin")),
        get("map", 3, Like::Bytes, &format!("/v1/map?{model}&field=t@500&step=24&width=400")),
        get("list of models", 2, Like::Says("\"best\":\"dry-planet\""), "/v1/models"),
        get("no such variable", 2, Like::Json, &format!("/v1/forecast?{place}&hourly=rain")),
        get("no such step", 2, Like::Json, &field.replace("step=12", "step=13")),
    ])
}

fn jobs(site: &Site, unit: &Unit) -> Result<Vec<Job>> {
    let analysis = std::fs::read(site.root.join("datasets/weather/analysis.nc"))?;
    let path = "/v1/jobs/forecast?model=dry-planet&lead_time=48&filename=analysis.nc";
    Ok(vec![Job::tried("forecast", unit, path, &analysis, "forecast.nc")?])
}
