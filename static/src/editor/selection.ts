/**
 * After somebody else's edit y-prosemirror selects again what was selected, by its place, and
 * throws if it was a picture that is gone (yjs/y-prosemirror#202). The page would go on showing
 * the old document, and write it back with the next key. So: what is nearest is selected instead.
 */
import { NodeSelection, Selection } from 'prosemirror-state'

NodeSelection.create = (document, from) => {
  const place = document.resolve(from ?? 0)
  const node = place.nodeAfter
  return node !== null && NodeSelection.isSelectable(node)
    ? new NodeSelection(place)
    : (Selection.near(place) as NodeSelection)
}
