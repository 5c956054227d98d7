//! What was measured: for each row and subject, one value a round.

/// All values, in the order in which rows and subjects first came.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) rows: Vec<Row>,
    /// What could not be measured, and why.
    pub(crate) missing: Vec<String>,
}

/// A quantity, such as `echo/p50, µs`: its group, its name and its unit.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) subjects: Vec<Subject>,
}

/// Whose figures these are.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

impl Figures {
    /// Adds a round's value.
    pub(crate) fn add(&mut self, row: &str, subject: &str, value: f64) {
        let index = self.rows.iter().position(|one| one.name == row);
        let index = index.unwrap_or_else(|| {
            self.rows.push(Row {
                name: row.to_owned(),
                subjects: Vec::new(),
            });
            self.rows.len() - 1
        });
        let row = &mut self.rows[index];
        match row.subjects.iter_mut().find(|one| one.name == subject) {
            Some(subject) => subject.values.push(value),
            None => row.subjects.push(Subject {
                name: subject.to_owned(),
                values: vec![value],
            }),
        }
    }

    /// Notes that something could not be measured.
    pub(crate) fn miss(&mut self, what: String) {
        crate::say(&format!("*** MISSING: {what}"));
        if !self.missing.contains(&what) {
            self.missing.push(what);
        }
    }
}

impl Row {
    /// Somebody's figures in this row.
    pub(crate) fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects.iter().find(|one| one.name == name)
    }
}

impl Subject {
    /// The middle value, the smallest and the largest.
    pub(crate) fn summary(&self) -> (f64, f64, f64) {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let ends = sorted.first().zip(sorted.last());
        let (least, most) = ends.unwrap_or((&f64::NAN, &f64::NAN));
        (quantile(&sorted, 1, 2), *least, *most)
    }

    /// The middle of the ratios of values from the same round.
    pub(crate) fn ratio_to(&self, other: &Self) -> Option<f64> {
        let pairs = self.values.iter().zip(&other.values);
        let mut ratios: Vec<f64> = pairs.map(|(own, other)| own / other).collect();
        ratios.sort_by(f64::total_cmp);
        (!ratios.is_empty()).then(|| quantile(&ratios, 1, 2))
    }
}

/// The value below which `part` of `whole` lie; between two values, their mean.
pub(crate) fn quantile(sorted: &[f64], part: usize, whole: usize) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let low = last * part / whole;
    let high = (last * part).div_ceil(whole);
    f64::midpoint(sorted[low], sorted[high])
}
