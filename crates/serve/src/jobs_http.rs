//! Jobs over HTTP: upload, look, fetch, cancel. A key sees its own jobs; `admin` sees all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::Call;
use crate::input;
use crate::jobs::{JobKind, JobManager, JobState, JobView, JobsError, Upload};
use crate::keys::{Caller, Scope};
use crate::openapi::{BodyDoc, Doc, SchemaOf};
use crate::operation::{Answer, BodyKind, Describe, Operation, Output, Request, UploadSink, Work};
use crate::problem::{Kind, Problem};

/// Longest time a request waits for news of a job.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Requests that wait for news of jobs at a time.
const MOST_WAITING: usize = 64;

type Check = Arc<dyn Fn(&Request) -> Result<(Value, String), Problem> + Send + Sync>;

/// A kind of job and its address: what is uploaded to it, and with which parameters.
pub struct JobDoor {
    /// The work.
    pub kind: Arc<dyn JobKind>,
    path: &'static str,
    id: &'static str,
    about: (&'static str, &'static str),
    content: &'static [&'static str],
    parameters: SchemaOf,
    check: Check,
}

impl std::fmt::Debug for JobDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JobDoor({} {})", self.kind.name(), self.path)
    }
}

/// Parameters of a job with a file: the name it was uploaded under tells its format.
pub trait UploadParameters: DeserializeOwned + Serialize + JsonSchema + 'static {
    /// The file's name.
    fn file_name(&self) -> &str;
}

impl JobDoor {
    /// A job that takes a file as the request's body and `P` in the query. `check` refuses
    /// parameters before anything is uploaded.
    pub fn upload<P: UploadParameters>(
        kind: Arc<dyn JobKind>,
        (id, path): (&'static str, &'static str),
        about: (&'static str, &'static str),
        content: &'static [&'static str],
        check: impl Fn(&P) -> Result<(), Problem> + Send + Sync + 'static,
    ) -> Self {
        let check = move |request: &Request| {
            let parameters: P = input::from_address(request)?;
            check(&parameters)?;
            let name = parameters.file_name().to_owned();
            Ok((serde_json::to_value(&parameters).map_err(Problem::internal)?, name))
        };
        let parameters = SchemaOf::request::<P>("");
        Self { kind, path, id, about, content, parameters, check: Arc::new(check) }
    }
}

/// Every operation on jobs; none where an application has no kind of job.
pub(crate) fn operations(doors: &[JobDoor], jobs: Option<&Arc<JobManager>>) -> Vec<Operation> {
    if doors.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<Operation> = doors.iter().map(|door| submit(door, jobs)).collect();
    all.extend([list(jobs), look(jobs), result(jobs), cancel(jobs), delete(jobs)]);
    all
}

/// The manager; absent only where the document alone is made.
fn there(jobs: Option<&Arc<JobManager>>) -> Result<Arc<JobManager>, Problem> {
    jobs.cloned().ok_or_else(|| Problem::internal("jobs are not running"))
}

fn submit(door: &JobDoor, jobs: Option<&Arc<JobManager>>) -> Operation {
    let (summary, description) = door.about;
    let file = |content: &&'static str| {
        SchemaOf::literal(content, json!({"type": "string", "format": "binary"}))
    };
    let doc = Doc {
        parameters: Some(door.parameters.clone()),
        body: Some(BodyDoc {
            schemas: door.content.iter().map(file).collect(),
            required: true,
            description: "The file as it is; its name goes into the query.",
        }),
        replies: vec![(202, SchemaOf::reply::<JobView>("application/json"))],
        ..Doc::default()
    };
    let (check, kind, jobs) = (Arc::clone(&door.check), door.kind.name(), jobs.cloned());
    let content = door.content;
    let begin = move |call: &Call, request: &Request| {
        let given = request.content_type.as_str();
        if !given.is_empty() && !content.contains(&given) {
            let text = format!("{given} is no file this job reads");
            return Err(Problem::new(Kind::UnsupportedMediaType, "content-type", text)
                .with_remedy(format!("send the file with one of {}", content.join(", "))));
        }
        let (parameters, name) = check(request)?;
        let jobs = there(jobs.as_ref())?;
        let upload = jobs.begin_upload(kind, parameters, &call.caller.name, &name);
        Ok(Box::new(Sink(upload.map_err(|e| problem(&e))?)) as Box<dyn UploadSink>)
    };
    Operation::post(door.id, door.path)
        .about("Jobs", summary, description)
        .scope(Scope::Jobs)
        .uploads(doc, begin)
}

struct Sink(Upload);

impl UploadSink for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.0.write(bytes).map_err(|e| problem(&e))
    }

    fn finish(self: Box<Self>) -> Answer {
        if self.0.bytes() == 0 {
            return Err(Problem::new(Kind::Unprocessable, "empty-file", "the file is empty"));
        }
        let job = self.0.commit().map_err(|e| problem(&e))?;
        let location = format!("/v1/jobs/{}", job.id);
        Output::status(202, &job, Some(location))
    }
}

/// Which jobs to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListAsk {
    /// Only jobs in this state.
    #[serde(default)]
    state: Option<JobState>,
    /// How many at most.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1000))]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

/// Jobs, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
struct JobList {
    /// The jobs.
    jobs: Vec<JobView>,
}

fn list(jobs: Option<&Arc<JobManager>>) -> Operation {
    let jobs = jobs.cloned();
    Operation::get("list_jobs", "/v1/jobs")
        .about("Jobs", "Jobs, the newest first", "")
        .scope(Scope::Jobs)
        .computes(move |call, ask: ListAsk| {
            if ask.limit == 0 || ask.limit > 1000 {
                return Err(Problem::field("limit", "it must be from 1 to 1000"));
            }
            let owner = owner(&call.caller);
            let found = there(jobs.as_ref())?.list(owner, ask.state, ask.limit as usize);
            Ok(JobList { jobs: found.map_err(|e| problem(&e))? })
        })
}

/// Whose jobs a caller sees: its own; all of them where it may do everything.
fn owner(caller: &Caller) -> Option<&str> {
    (!caller.has(Scope::Admin)).then_some(caller.name.as_str())
}

/// A job, where the caller may see it.
fn visible(
    jobs: Option<&Arc<JobManager>>,
    call: &Call,
    id: &str,
) -> Result<(Arc<JobManager>, JobView), Problem> {
    let jobs = there(jobs)?;
    let job = jobs.get(id).map_err(|e| problem(&e))?;
    if owner(&call.caller).is_some_and(|owner| owner != job.owner) {
        // That there is such a job is not for others to know.
        return Err(problem(&JobsError::NotFound { id: id.to_owned() }));
    }
    Ok((jobs, job))
}

/// A place among the requests that wait for news.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Self(Arc::clone(waiting));
        let before = waiting.fetch_add(1, Ordering::AcqRel);
        (before < MOST_WAITING).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Which job to look at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LookAsk {
    /// The job.
    id: String,
    /// Wait until the job has another version than this one, at most 30 s.
    #[serde(default)]
    version: Option<u64>,
}

fn look(jobs: Option<&Arc<JobManager>>) -> Operation {
    let jobs = jobs.cloned();
    let waiting = Arc::new(AtomicUsize::new(0));
    let doc = Doc {
        parameters: Some(SchemaOf::request::<LookAsk>("")),
        replies: vec![(200, SchemaOf::reply::<JobView>("application/json"))],
        ..Doc::default()
    };
    let work = move |call: Call, request: Request| {
        let ask: LookAsk = input::from_address(&request)?;
        let (jobs, waiting) = (jobs.clone(), Arc::clone(&waiting));
        // Waiting takes a thread but no place among those that compute.
        let wait = move || {
            let (manager, job) = visible(jobs.as_ref(), &call, &ask.id)?;
            let Some(version) = ask.version.filter(|&v| v == job.version) else {
                return Output::json(&job);
            };
            // Beyond that many, clients poll: their waiting must not take every thread there is.
            let place = Place::take(&waiting);
            if place.is_none() {
                return Output::json(&job);
            }
            let left = call.deadline.saturating_duration_since(std::time::Instant::now());
            let wait = LONGEST_WAIT.min(left.saturating_sub(Duration::from_millis(500)));
            let news = manager.wait(&ask.id, version, wait).map_err(|e| problem(&e))?;
            Output::json(&news.unwrap_or(job))
        };
        Ok(Work::Waits(Box::pin(async move {
            tokio::task::spawn_blocking(wait).await.map_err(Problem::internal)?
        })))
    };
    Operation::get("get_job", "/v1/jobs/{id}")
        .about(
            "Jobs",
            "A job: its state, progress and results",
            "With the version that was seen last, the answer waits until there is news.",
        )
        .scope(Scope::Jobs)
        .raw(BodyKind::None, doc, work)
}

/// A request about one job.
trait AboutJob: DeserializeOwned + JsonSchema + Send + 'static {
    fn id(&self) -> &str;
}

/// An operation on a job that the caller may see.
fn on_job<A: AboutJob>(
    describe: Describe,
    reply: (u16, SchemaOf),
    jobs: Option<&Arc<JobManager>>,
    work: fn(&JobManager, &JobView, &A) -> Answer,
) -> Operation {
    let jobs = jobs.cloned();
    let parameters = Some(SchemaOf::request::<A>(""));
    let doc = Doc { parameters, replies: vec![reply], ..Doc::default() };
    let answer = move |call: Call, request: Request| {
        let ask: A = input::from_address(&request)?;
        let jobs = jobs.clone();
        Ok(Work::Computes(Box::new(move || {
            let (manager, job) = visible(jobs.as_ref(), &call, ask.id())?;
            work(&manager, &job, &ask)
        })))
    };
    describe.scope(Scope::Jobs).raw(BodyKind::None, doc, answer)
}

/// Which result to fetch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResultAsk {
    /// The job.
    id: String,
    /// The file's name, as the job lists it.
    name: String,
}

impl AboutJob for ResultAsk {
    fn id(&self) -> &str {
        &self.id
    }
}

fn result(jobs: Option<&Arc<JobManager>>) -> Operation {
    let describe = Operation::get("get_job_result", "/v1/jobs/{id}/files/{name}").about(
        "Jobs",
        "A file a job made",
        "",
    );
    // A table, a report, a JSON document: whatever the job lists.
    let reply = (200, SchemaOf::literal("*/*", json!({})));
    on_job(describe, reply, jobs, |manager, job, ask: &ResultAsk| {
        let found = manager.result(&ask.id, &ask.name).map_err(|e| problem(&e))?;
        let (content_type, name) = (found.file.content_type, found.file.name);
        // Saved under the name of what was screened: people fetch several.
        let stem = job.input.as_ref().and_then(|input| input.name.split('.').next());
        let name = stem.filter(|s| !s.is_empty()).map_or(name.clone(), |s| format!("{s}-{name}"));
        Ok(Output::File { path: found.path, content_type, name })
    })
}

/// Which job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JobAsk {
    /// The job.
    id: String,
}

impl AboutJob for JobAsk {
    fn id(&self) -> &str {
        &self.id
    }
}

fn cancel(jobs: Option<&Arc<JobManager>>) -> Operation {
    let describe = Operation::post("cancel_job", "/v1/jobs/{id}/cancel").about(
        "Jobs",
        "Cancel a job",
        "One that runs keeps what it has done until it is deleted.",
    );
    let reply = (200, SchemaOf::reply::<JobView>("application/json"));
    on_job(describe, reply, jobs, |manager, _, ask: &JobAsk| {
        Output::json(&manager.cancel(&ask.id).map_err(|e| problem(&e))?)
    })
}

fn delete(jobs: Option<&Arc<JobManager>>) -> Operation {
    let describe = Operation::delete("delete_job", "/v1/jobs/{id}").about(
        "Jobs",
        "Delete a job that is over, with its files",
        "",
    );
    on_job(describe, (204, SchemaOf::bytes("")), jobs, |manager, _, ask: &JobAsk| {
        manager.delete(&ask.id).map_err(|e| problem(&e))?;
        Ok(Output::Empty)
    })
}

/// Errors of jobs as problems. Paths of the server's disk stay in its log.
fn problem(error: &JobsError) -> Problem {
    match error {
        JobsError::NotFound { .. } => Problem::not_found("no-job", error),
        JobsError::NoSuchResult { .. } | JobsError::ResultGone { .. } => {
            Problem::not_found("no-result", error)
        }
        JobsError::Finished { .. } => Problem::new(Kind::Conflict, "job-finished", error),
        JobsError::NotFinished { .. } => Problem::new(Kind::Conflict, "job-not-finished", error),
        JobsError::Full { .. } => {
            Problem::new(Kind::TooManyRequests, "jobs-full", error).retry(Duration::from_secs(30))
        }
        JobsError::TooLarge { .. } => Problem::new(Kind::TooLarge, "upload-too-large", error),
        JobsError::StorageFull { .. } => {
            tracing::error!(%error, "jobs");
            Problem::new(Kind::Unavailable, "storage-full", "the server's disk is full")
                .with_remedy("delete finished jobs, or ask whoever runs the server")
        }
        other => Problem::internal(other),
    }
}
