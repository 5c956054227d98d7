type SelectingRoot = Node & { getSelection?: () => Selection | null };

/** The selection as a shadow root's content sees it; browsers differ in where they keep it. */
function selectionIn(node: Node): Selection | null {
  const root = node.getRootNode() as SelectingRoot;
  return root.getSelection?.() ?? document.getSelection();
}

/** A piece of text that a person has selected, and can have back. */
export class KeptSelection {
  readonly #selection: Selection;
  readonly #ends: [Node, number, Node, number];

  private constructor(selection: Selection, ends: [Node, number, Node, number]) {
    this.#selection = selection;
    this.#ends = ends;
  }

  /** Notes what is selected, as seen from `node`; null where nothing is. */
  static of(node: Node): KeptSelection | null {
    const selection = selectionIn(node);
    if (!selection || selection.isCollapsed || !selection.toString().trim()) return null;
    const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
    if (!anchorNode || !focusNode) return null;
    return new KeptSelection(selection, [anchorNode, anchorOffset, focusNode, focusOffset]);
  }

  /** Whether some of it lies in `element`. */
  touches(element: Element): boolean {
    const [anchor, , focus] = this.#ends;
    return element.contains(anchor) || element.contains(focus);
  }

  restore(): void {
    const [anchor, , focus] = this.#ends;
    if (anchor.isConnected && focus.isConnected) this.#selection.setBaseAndExtent(...this.#ends);
  }
}
