//! What a page shows: characters at their places, ruled lines, pictures. The operators of ISO 32000-1, annex A, that
//! text depends on.

use std::collections::HashMap;
use std::rc::Rc;

use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId};

use super::font::{Font, as_font};
use super::matrix::Matrix;
use super::objects::{dictionary, name, numbers, resolve};

/// A character on the page: its origin on the base line, in points, x to the right and y up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glyph {
    pub(super) c: char,
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) size: f32,
    /// Where the text runs: 0 right, 1 up, 2 left, 3 down, 4 aslant, 5 glyph below glyph.
    pub(super) direction: u8,
}

/// A ruled line, upright or level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    pub(super) from: (f32, f32),
    pub(super) to: (f32, f32),
}

/// A picture on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    pub(super) id: ObjectId,
    /// Square points that it covers.
    pub(super) area: f32,
}

/// What a page shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) glyphs: Vec<Glyph>,
    pub(super) rules: Vec<Rule>,
    pub(super) pictures: Vec<Picture>,
    /// Characters whose font does not say what they are.
    pub(super) untold: usize,
}

/// What is left of the work that a document may cost.
pub(super) struct Budget {
    /// Operators and characters.
    pub(super) operations: usize,
    /// Bytes to unpack.
    pub(super) bytes: usize,
}

/// Most characters of one page.
const GLYPHS: usize = 500_000;
/// Most ruled lines of one page.
const RULES: usize = 20_000;
/// Deepest nesting of forms.
const FORMS: usize = 8;

/// Reads pages of one document; fonts are kept from page to page.
pub(super) struct Interpreter<'a> {
    document: &'a Document,
    fonts: HashMap<ObjectId, Rc<Font>>,
    /// Forms that are being shown: one that shows itself goes in a circle.
    forms: Vec<ObjectId>,
    pub(super) budget: Budget,
}

#[derive(Clone)]
struct Graphics {
    ctm: Matrix,
    font: Option<Rc<Font>>,
    size: f32,
    char_space: f32,
    word_space: f32,
    scale: f32,
    leading: f32,
    rise: f32,
}

struct Page<'p> {
    shown: &'p mut Shown,
    stack: Vec<Graphics>,
    now: Graphics,
    text: Matrix,
    line: Matrix,
    path: Vec<Rule>,
    at: (f32, f32),
    start: (f32, f32),
    /// Nesting of marked content, and from which depth on it is an artifact.
    marks: usize,
    artifact: Option<usize>,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(document: &'a Document, budget: Budget) -> Self {
        Self { document, fonts: HashMap::new(), forms: Vec::new(), budget }
    }

    /// What a page shows; `base` turns it as it is looked at.
    pub(super) fn page(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dictionary>,
        base: Matrix,
    ) -> Shown {
        let mut shown = Shown::default();
        let now = Graphics {
            ctm: base,
            font: None,
            size: 0.0,
            char_space: 0.0,
            word_space: 0.0,
            scale: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        self.run(content, resources, now, &mut shown);
        shown
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dictionary>,
        now: Graphics,
        shown: &mut Shown,
    ) {
        let mut page = Page {
            shown,
            stack: Vec::new(),
            now,
            text: Matrix::IDENTITY,
            line: Matrix::IDENTITY,
            path: Vec::new(),
            at: (0.0, 0.0),
            start: (0.0, 0.0),
            marks: 0,
            artifact: None,
        };
        for operation in Content::<Vec<Operation>>::decode_iter(content) {
            let Ok(operation) = operation else { return };
            if self.budget.operations == 0 {
                return;
            }
            self.budget.operations -= 1;
            match operation.operator.as_str() {
                "Tf" => {
                    page.now.size =
                        operation.operands.get(1).and_then(|s| s.as_float().ok()).unwrap_or(0.0);
                    let font = operation.operands.first().and_then(|font| font.as_name().ok());
                    page.now.font = font.and_then(|font| self.font(resources, font));
                }
                "Do" if self.forms.len() < FORMS && page.artifact.is_none() => {
                    if let Some(Ok(name)) = operation.operands.first().map(Object::as_name) {
                        self.form(name, resources, &mut page);
                    }
                }
                "Tj" | "'" | "\"" | "TJ" => {
                    let before = page.shown.glyphs.len();
                    page.show(&operation);
                    let cost = page.shown.glyphs.len() - before;
                    self.budget.operations = self.budget.operations.saturating_sub(cost);
                }
                _ => page.operate(&operation),
            }
        }
    }

    fn font(&mut self, resources: Option<&'a Dictionary>, key: &[u8]) -> Option<Rc<Font>> {
        let fonts = dictionary(self.document, resources?.get(b"Font").ok())?;
        let entry = fonts.get(key).ok()?;
        let id = entry.as_reference().ok();
        if let Some(font) = id.and_then(|id| self.fonts.get(&id)) {
            return Some(font.clone());
        }
        let font = Rc::new(Font::read(
            self.document,
            as_font(self.document, entry)?,
            &mut self.budget.bytes,
        ));
        // A font that is read anew each time it is named costs more than an operator.
        self.budget.operations = self.budget.operations.saturating_sub(2_000);
        if let Some(id) = id {
            self.fonts.insert(id, font.clone());
        }
        Some(font)
    }

    fn form(&mut self, key: &[u8], resources: Option<&'a Dictionary>, page: &mut Page<'_>) {
        let Some(objects) =
            resources.and_then(|r| dictionary(self.document, r.get(b"XObject").ok()))
        else {
            return;
        };
        let Ok(entry) = objects.get(key) else { return };
        let Some(Ok(stream)) = resolve(self.document, Some(entry)).map(Object::as_stream) else {
            return;
        };
        match name(self.document, &stream.dict, b"Subtype") {
            Some(b"Image") => {
                if let Ok(id) = entry.as_reference()
                    && page.shown.pictures.len() < 1_000
                {
                    let area = page.now.ctm.determinant().abs();
                    page.shown.pictures.push(Picture { id, area });
                }
            }
            Some(b"Form") => {
                let id = entry.as_reference().unwrap_or_default();
                if self.forms.contains(&id) {
                    return;
                }
                let Ok(content) = stream.get_plain_content_with_limit(self.budget.bytes) else {
                    return;
                };
                self.budget.bytes -= content.len().min(self.budget.bytes);
                let mut now = page.now.clone();
                let own = numbers(self.document, stream.dict.get(b"Matrix").ok());
                if let Some(own) = Matrix::from_slice(&own) {
                    now.ctm = own.then(&now.ctm);
                }
                let own =
                    dictionary(self.document, stream.dict.get(b"Resources").ok()).or(resources);
                self.forms.push(id);
                self.run(&content, own, now, page.shown);
                self.forms.pop();
            }
            _ => {}
        }
    }
}

impl Page<'_> {
    fn operate(&mut self, operation: &Operation) {
        let number =
            |at: usize| operation.operands.get(at).and_then(|n| n.as_float().ok()).unwrap_or(0.0);
        match operation.operator.as_str() {
            "q" if self.stack.len() < 256 => self.stack.push(self.now.clone()),
            "Q" => {
                if let Some(saved) = self.stack.pop() {
                    self.now = saved;
                }
            }
            "cm" => {
                if let Some(own) = matrix(operation) {
                    self.now.ctm = own.then(&self.now.ctm);
                }
            }
            "BT" => (self.text, self.line) = (Matrix::IDENTITY, Matrix::IDENTITY),
            "Tm" => {
                if let Some(own) = matrix(operation) {
                    (self.text, self.line) = (own, own);
                }
            }
            "Td" => self.next_line(number(0), number(1)),
            "TD" => {
                self.now.leading = -number(1);
                self.next_line(number(0), number(1));
            }
            "T*" => self.next_line(0.0, -self.now.leading),
            "Tc" => self.now.char_space = number(0),
            "Tw" => self.now.word_space = number(0),
            "Tz" => self.now.scale = number(0) / 100.0,
            "TL" => self.now.leading = number(0),
            "Ts" => self.now.rise = number(0),
            "BMC" | "BDC" => {
                self.marks += 1;
                let tag = operation.operands.first().and_then(|tag| tag.as_name().ok());
                if tag == Some(b"Artifact") && is_pagination(operation) {
                    self.artifact.get_or_insert(self.marks);
                }
            }
            "EMC" => {
                if self.artifact == Some(self.marks) {
                    self.artifact = None;
                }
                self.marks = self.marks.saturating_sub(1);
            }
            "m" => {
                self.at = self.now.ctm.apply(number(0), number(1));
                self.start = self.at;
            }
            "l" => self.line_to(self.now.ctm.apply(number(0), number(1))),
            "h" => self.line_to(self.start),
            "re" => self.rectangle(number(0), number(1), number(2), number(3)),
            "S" | "s" | "f" | "F" | "f*" | "B" | "B*" | "b" | "b*" => {
                let room = RULES.saturating_sub(self.shown.rules.len());
                self.shown.rules.extend(self.path.drain(..).take(room));
            }
            "n" => self.path.clear(),
            _ => {}
        }
    }

    fn next_line(&mut self, x: f32, y: f32) {
        self.line = Matrix::translation(x, y).then(&self.line);
        self.text = self.line;
    }

    fn line_to(&mut self, to: (f32, f32)) {
        let (x, y) = ((to.0 - self.at.0).abs(), (to.1 - self.at.1).abs());
        if (x < 1.0 || y < 1.0) && x + y > 4.0 && self.path.len() < RULES {
            self.path.push(Rule { from: self.at, to });
        }
        self.at = to;
    }

    /// A thin rectangle is a rule; a large one has four.
    fn rectangle(&mut self, x: f32, y: f32, width: f32, height: f32) {
        let corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)];
        let [a, b, c, d] = corners.map(|(x, y)| self.now.ctm.apply(x, y));
        let (wide, high) = ((c.0 - a.0).abs(), (c.1 - a.1).abs());
        if wide < 3.0 || high < 3.0 {
            let middle = ((a.0 + c.0) / 2.0, (a.1 + c.1) / 2.0);
            let (from, to) = if wide < high {
                ((middle.0, a.1.min(c.1)), (middle.0, a.1.max(c.1)))
            } else {
                ((a.0.min(c.0), middle.1), (a.0.max(c.0), middle.1))
            };
            self.at = from;
            self.line_to(to);
        } else {
            self.at = a;
            [b, c, d, a].into_iter().for_each(|corner| self.line_to(corner));
        }
    }

    fn show(&mut self, operation: &Operation) {
        let operands = operation.operands.as_slice();
        match operation.operator.as_str() {
            "'" => self.next_line(0.0, -self.now.leading),
            "\"" => {
                let number =
                    |at: usize| operands.get(at).and_then(|n| n.as_float().ok()).unwrap_or(0.0);
                (self.now.word_space, self.now.char_space) = (number(0), number(1));
                self.next_line(0.0, -self.now.leading);
            }
            _ => {}
        }
        for operand in operands {
            match operand {
                Object::String(bytes, _) => self.string(bytes),
                Object::Array(parts) => {
                    for part in parts {
                        match part {
                            Object::String(bytes, _) => self.string(bytes),
                            other => {
                                if let Ok(number) = other.as_float() {
                                    self.advance(-number / 1000.0 * self.now.size);
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn advance(&mut self, by: f32) {
        let vertical = self.now.font.as_ref().is_some_and(|font| font.vertical);
        let by = if vertical { (0.0, by) } else { (by * self.now.scale, 0.0) };
        self.text = Matrix::translation(by.0, by.1).then(&self.text);
    }

    fn string(&mut self, bytes: &[u8]) {
        let Some(font) = self.now.font.clone() else { return };
        font.show(bytes, |shown| {
            let size = self.now.size;
            let space =
                self.now.char_space + if shown.is_space { self.now.word_space } else { 0.0 };
            let width = shown.width / 1000.0 * size;
            if self.artifact.is_none() {
                self.glyphs(shown.text.as_deref(), width, font.vertical);
            }
            // A glyph of vertical writing is as high as its size. 9.7.4.3.
            self.advance(if font.vertical { -size + space } else { width + space });
        });
    }

    fn glyphs(&mut self, text: Option<&str>, width: f32, vertical: bool) {
        let placed = Matrix::translation(0.0, self.now.rise).then(&self.text).then(&self.now.ctm);
        let (along, across) = placed.scales();
        let size = across * self.now.size.abs();
        let width = width * self.now.scale * along;
        let (x, y) = placed.apply(0.0, 0.0);
        let sane = [x, y, size, width].iter().all(|n| n.is_finite() && n.abs() < 1e6);
        if !sane || size < 0.1 {
            return;
        }
        let Some(text) = text else {
            self.shown.untold += 1;
            return;
        };
        let direction = if vertical { 5 } else { placed.direction(self.now.size) };
        let count = text.chars().count().max(1) as f32;
        for (at, c) in text.chars().enumerate() {
            if self.shown.glyphs.len() >= GLYPHS {
                return;
            }
            let x = x + if direction == 0 { width / count * at as f32 } else { 0.0 };
            self.shown.glyphs.push(Glyph { c, x, y, width: width / count, size, direction });
        }
    }
}

fn matrix(operation: &Operation) -> Option<Matrix> {
    let values: Vec<f32> = operation.operands.iter().filter_map(|n| n.as_float().ok()).collect();
    Matrix::from_slice(&values)
}

/// Headers, footers and page numbers as a tagged PDF marks them. A watermark is an artifact, too.
fn is_pagination(operation: &Operation) -> bool {
    let Some(Ok(properties)) = operation.operands.get(1).map(Object::as_dict) else { return false };
    let is = |key: &[u8], value: &[u8]| {
        properties.get(key).is_ok_and(|v| v.as_name().is_ok_and(|n| n == value))
    };
    is(b"Type", b"Pagination") || is(b"Type", b"Background")
}
