//! Unwraps elements of drawings that stand outside of any: `LIST<TEXT>` and `cd <path>` are words of
//! an author who forgot to escape them.
//!
//! A browser shows what is in such an element, and the sanitiser would drop it, as it can't know
//! how a browser reads a drawing's elements outside of one.

use super::tag::{Tag, without_tags};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

/// The elements of drawings and formulas (SVG 2, `MathML` 3), except those that HTML has, too.
const NAMES: &str = "
    animate animatecolor animatemotion animatetransform circle clippath defs desc discard ellipse
    feblend fecolormatrix fecomponenttransfer fecomposite feconvolvematrix fediffuselighting
    fedisplacementmap fedistantlight fedropshadow feflood fefunca fefuncb fefuncg fefuncr
    fegaussianblur feimage femerge femergenode femorphology feoffset fepointlight
    fespecularlighting fespotlight fetile feturbulence filter foreignobject g line lineargradient
    marker mask metadata mpath path pattern polygon polyline radialgradient rect set stop switch
    symbol text textpath tspan use view
    abs and annotation apply approx arccos arccosh arccot arccoth arccsc arccsch arcsec arcsech
    arcsin arcsinh arctan arctanh arg bind bvar card cartesianproduct cbytes ceiling cerror ci cn
    codomain complexes compose condition conjugate cos cosh cot coth cs csc csch csymbol curl
    declare degree determinant diff divergence divide domain domainofapplication emptyset eq
    equivalent eulergamma exists exp exponentiale factorial factorof false floor fn forall gcd geq
    grad gt ident imaginary imaginaryi implies in infinity int integers intersect interval inverse
    lambda laplacian lcm leq limit list ln log logbase lowlimit lt maction maligngroup malignmark
    matrix matrixrow max mean median menclose merror mfenced mfrac mglyph mi min minus mlabeledtr
    mlongdiv mmultiscripts mn mo mode moment momentabout mover mpadded mphantom mprescripts mroot
    mrow ms mscarries mscarry msgroup msline mspace msqrt msrow mstack mstyle msub msubsup msup
    mtable mtd mtext mtr munder munderover naturalnumbers neq none not notanumber notin
    notprsubset notsubset or otherwise outerproduct partialdiff pi piece piecewise plus power
    primes product prsubset quotient rationals real reals reln rem root scalarproduct sdev sec
    sech selector semantics sep setdiff share sin sinh subset sum tan tanh tendsto times transpose
    true union uplimit variance vector vectorproduct xor";

static ELEMENTS: LazyLock<HashSet<&str>> = LazyLock::new(|| NAMES.split_whitespace().collect());

/// Drops the tags of a drawing's elements outside of drawings.
pub(super) fn unwrap_stray(html: &str) -> Cow<'_, str> {
    let mut drawing: Option<String> = None;
    without_tags(html, |tag| {
        if let Some(name) = &drawing {
            if tag.is_end && tag.name == *name {
                drawing = None;
            }
            return false;
        }
        drawing = begins_drawing(tag).then(|| tag.name.clone());
        ELEMENTS.contains(tag.name.as_str())
    })
}

fn begins_drawing(tag: &Tag<'_>) -> bool {
    let is_drawing = tag.name == "svg" || tag.name == "math";
    is_drawing && !tag.is_end && !tag.text.ends_with("/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_look_like_a_drawing_keep_what_follows_them() {
        assert_eq!(unwrap_stray("LIST<TEXT>; a"), "LIST; a");
        assert_eq!(unwrap_stray("map<int> <Path a='>'>x</Path>"), "map x");
        assert_eq!(unwrap_stray("<svg/><set>x</set><br>"), "<svg/>x<br>");
    }

    #[test]
    fn drawings_and_other_elements_are_left_alone() {
        let html = "<p><svg><path d='M0'/><text>x</text></svg> <title>y</title> <keyspace>";
        assert!(matches!(unwrap_stray(html), Cow::Borrowed(_)));
    }
}
