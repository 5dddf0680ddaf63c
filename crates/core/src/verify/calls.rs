//! What a model grows to once its local functions are inlined, as ONNX Runtime does on loading: a few
//! functions that each call the next one twice would make millions of nodes, and one that calls
//! itself would never end.

use std::collections::BTreeMap;

use super::limits::Limits;
use super::wire::WalkKind;

/// What identifies an operator: domain, name, overload. The standard domain is `""`.
pub(super) type Operator<'a> = (&'a str, &'a str, &'a str);

/// The main graph's or a function's content, its subgraphs included.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    /// Nodes.
    pub(super) nodes: u64,
    /// Levels of subgraphs.
    pub(super) depth: usize,
    /// Operators called: how often, and at what deepest level.
    pub(super) calls: BTreeMap<Operator<'a>, (u64, usize)>,
}

/// Nodes and levels of subgraphs of a body with everything inlined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inlined {
    pub(super) nodes: u64,
    pub(super) depth: usize,
    /// Functions calling functions, at most.
    calls: usize,
}

/// Sizes after inlining.
pub(super) struct Inliner<'a> {
    functions: &'a BTreeMap<Operator<'a>, Body<'a>>,
    limits: &'a Limits,
    /// Functions that are done, and (`None`) those whose callees are being looked at.
    sizes: BTreeMap<Operator<'a>, Option<Inlined>>,
}

impl<'a> Inliner<'a> {
    pub(super) fn new(functions: &'a BTreeMap<Operator<'a>, Body<'a>>, limits: &'a Limits) -> Self {
        Self { functions, limits, sizes: BTreeMap::new() }
    }

    /// The size of a body once everything it calls is inlined, `level` calls down.
    pub(super) fn body(&mut self, body: &'a Body<'a>, level: usize) -> Result<Inlined, WalkKind> {
        let mut size = Inlined { nodes: body.nodes, depth: body.depth, calls: 0 };
        for (operator, (times, depth)) in &body.calls {
            let Some(callee) = self.function(operator, level)? else { continue };
            size.nodes = size.nodes.saturating_add(times.saturating_mul(callee.nodes));
            size.depth = size.depth.max(depth.saturating_add(callee.depth));
            size.calls = size.calls.max(callee.calls + 1);
        }
        if size.calls > MAX_CALL_DEPTH {
            return Err(TOO_MANY_CALLS);
        }
        if size.nodes > self.limits.nodes {
            let (what, limit) = ("nodes, local functions inlined", self.limits.nodes);
            return Err(WalkKind::TooMany { what, limit });
        }
        if size.depth > self.limits.graph_depth {
            let (what, limit) = ("graphs, local functions inlined,", self.limits.graph_depth);
            return Err(WalkKind::TooDeep { what, limit });
        }
        Ok(size)
    }

    /// The size of a local function, `None` for an operator that is none.
    fn function(
        &mut self,
        operator: &Operator<'a>,
        level: usize,
    ) -> Result<Option<Inlined>, WalkKind> {
        let Some(body) = self.functions.get(operator) else {
            return Ok(None);
        };
        match self.sizes.get(operator) {
            Some(Some(size)) => return Ok(Some(*size)),
            Some(None) => return Err(WalkKind::FunctionCycle(operator.1.to_owned())),
            None => {}
        }
        // Before the descent, so that a long chain cannot exhaust the stack.
        if level >= MAX_CALL_DEPTH {
            return Err(TOO_MANY_CALLS);
        }
        self.sizes.insert(*operator, None);
        let size = self.body(body, level + 1)?;
        self.sizes.insert(*operator, Some(size));
        Ok(Some(size))
    }
}

/// Longest chain of functions calling functions. PyTorch's exporter makes one a module level.
const MAX_CALL_DEPTH: usize = 64;
const TOO_MANY_CALLS: WalkKind =
    WalkKind::TooDeep { what: "local functions", limit: MAX_CALL_DEPTH };
