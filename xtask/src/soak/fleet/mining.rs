//! `strata-mining` in a soak: detections, anomalies, belts, inference, and a camera that is watched and looked at.

use std::path::Path;

use anyhow::Result;

use super::{Ask, Asking, Disk, Like, Part, Site, made, text};

const JPEG: &str = "image/jpeg";

pub(super) fn part(site: &Site, folder: &Path, disk: &Disk) -> Result<Part> {
    let bank = text(&folder.join("surface.bank"));
    made(site, "mining", &["fit", "datasets/mining/surface/normal", "--out", &bank, "--quiet"])?;
    let watch = folder.join("watch.toml");
    let clip = site.root.join("datasets/mining/foreign-object.avi");
    let journal = disk.folder().join("events.sqlite");
    std::fs::write(
        &watch,
        format!(
            "[[camera]]\nname = \"belt\"\nsource = {clip:?}\nfps = 1.0\nloop = true\n\n\
             [[scene]]\nname = \"objects\"\nscenario = \"foreign-object\"\n\n\
             [outputs.journal]\npath = {journal:?}\n",
        ),
    )?;
    Ok(Part {
        name: "mining",
        args: vec![
            "--mining-banks".to_owned(),
            bank,
            "--mining-watch".to_owned(),
            text(&watch),
            "--jobs-dir".to_owned(),
            text(&folder.join("jobs")),
            "--models-control=true".to_owned(),
        ],
        models: &["belt-damage", "belt-foreign-object"],
        streams: &["/v1/events/stream", "/v1/cameras/belt/live?fps=1"],
        documents: false,
        asks,
        jobs: |_, _| Ok(Vec::new()),
    })
}

fn asks(a: &Asking<'_>) -> Result<Vec<Ask>> {
    let sample = |name: &str| a.read(&format!("datasets/mining/{name}"));
    let anomalous = std::fs::read_dir(a.site.root.join("datasets/mining/surface/anomalous"))?;
    let mut anomalous: Vec<_> = anomalous.flatten().map(|entry| entry.path()).collect();
    anomalous.sort();
    let odd = anomalous.first().map(std::fs::read).transpose()?.unwrap_or_default();
    let (hole, rod) = (sample("belt-damage/hole.jpg")?, sample("foreign-object/rod.jpg")?);
    let belt = sample("belt/deviated.jpg")?;
    let cut = &rod[..rod.len() / 2];
    Ok(vec![
        a.post(("detect damage", 6), "/v1/detect?scenario=belt-damage", JPEG, &hole),
        a.post(("detect objects", 6), "/v1/detect?scenario=foreign-object", JPEG, &rod),
        a.post(("inspect", 3), "/v1/inspect?bank=surface", JPEG, &odd),
        a.post(("belt", 4), "/v1/belt", JPEG, &belt),
        a.post(("bad picture", 2), "/v1/detect?scenario=belt-damage", JPEG, cut),
        a.get("no such event", 1, Like::Json, "/v1/events/none"),
        a.get("events", 3, Like::Says("\"events\""), "/v1/events?limit=5"),
        a.get("camera's frame", 3, Like::Says("JFIF"), "/v1/cameras/belt/frame"),
        a.get("list of banks", 2, Like::Json, "/v1/banks"),
    ])
}
