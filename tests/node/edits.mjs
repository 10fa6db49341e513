// Random edits, the same for the same seed: of either Yjs generation, on every kind of root.

export function randomFrom (seed) { // mulberry32
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6D2B79F5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (bound) => Math.floor(next() * bound)
  return { below, chance: (p) => next() < p, pick: (list) => list[below(list.length)] }
}

const WORDS = ['a', 'hello ', 'Zoë', '日本語', '😀', 'e\u0301', '\n', 'x'.repeat(50), '👩‍👩‍👧']
const KEYS = ['k0', 'k1', 'k2', 'k3', 'k4']
const VALUES = [0, -1.5, true, null, 'text', '', [1, [2, { three: 3 }]], { nested: { deep: 'yes' } }]

// The next place in a text that is not in the middle of a surrogate pair: editors have no others.
function whole (place, text) {
  const code = text.charCodeAt(place)
  return code >= 0xDC00 && code < 0xE000 ? place + 1 : place
}

const placeIn = (random, text) => whole(random.below(text.length + 1), text)

function rangeIn (random, text) {
  const start = placeIn(random, text)
  return [start, whole(Math.min(text.length, start + random.below(20)), text) - start]
}

function editYjs13 (Y, doc, random) {
  const text = doc.getText('text')
  const map = doc.getMap('map')
  const array = doc.getArray('array')
  const content = doc.getXmlFragment('content')
  random.pick([
    () => text.insert(placeIn(random, text.toString()), random.pick(WORDS)),
    () => text.insert(placeIn(random, text.toString()), random.pick(WORDS), { bold: true }),
    () => deleteSome(text, random),
    () => {
      const [start, length] = rangeIn(random, text.toString())
      if (length > 0) text.format(start, length, { italic: random.chance(0.7) ? true : null })
    },
    () => map.set(random.pick(KEYS), random.pick(VALUES)),
    () => map.set(random.pick(KEYS), new Y.Map([['inner', random.pick(WORDS)]])),
    () => {
      const inner = map.get(random.pick(KEYS))
      if (inner instanceof Y.Map) inner.set(random.pick(KEYS), random.pick(VALUES))
    },
    () => map.delete(random.pick(KEYS)),
    () => array.insert(random.below(array.length + 1), [random.pick(VALUES), random.pick(WORDS)]),
    () => array.push([new Y.Text(random.pick(WORDS))]),
    () => { if (array.length > 0) array.delete(random.below(array.length), 1) },
    () => {
      const paragraph = new Y.XmlElement('paragraph')
      paragraph.setAttribute('level', String(random.below(4)))
      paragraph.insert(0, [new Y.XmlText(random.pick(WORDS))])
      content.insert(random.below(content.length + 1), [paragraph])
    },
    () => {
      const element = content.length > 0 ? content.get(random.below(content.length)) : null
      if (!(element instanceof Y.XmlElement)) return
      if (random.chance(0.5)) element.setAttribute(random.pick(KEYS), random.pick(WORDS))
      else element.insert(random.below(element.length + 1), [new Y.XmlElement('image')])
    },
    () => { if (content.length > 0 && random.chance(0.5)) content.delete(random.below(content.length), 1) },
  ])()
}

function deleteSome (text, random) {
  const [start, length] = rangeIn(random, text.toString())
  if (length > 0) text.delete(start, length)
}

function editYjs14 (Y, doc, random) {
  const [text, map, array, content] = ['text', 'map', 'array', 'content'].map((name) => doc.get(name))
  random.pick([
    () => text.insert(placeIn(random, plain(text)), random.pick(WORDS)),
    () => text.insert(placeIn(random, plain(text)), random.pick(WORDS), { bold: true }),
    () => {
      const [start, length] = rangeIn(random, plain(text))
      if (length > 0) text.delete(start, length)
    },
    () => map.setAttr(random.pick(KEYS), random.pick(VALUES.filter((value) => value !== null))),
    () => map.deleteAttr(random.pick(KEYS)),
    () => array.insert(random.below(array.length + 1), [random.pick(VALUES), { word: random.pick(WORDS) }]),
    () => { if (array.length > 0) array.delete(random.below(array.length), 1) },
    () => {
      const paragraph = new Y.Type('paragraph')
      paragraph.setAttr('level', String(random.below(4)))
      content.insert(random.below(content.length + 1), [paragraph])
    },
    () => { if (content.length > 0 && random.chance(0.5)) content.delete(random.below(content.length), 1) },
  ])()
}

// The text of a type, one unit for whatever is not text, so that places are places.
function plain (type) {
  return type.toArray().map((each) => (typeof each === 'string' ? each : '\u0000')).join('')
}

export function edit ({ kind, Y, doc }, random) {
  doc.transact(() => {
    for (let count = 1 + random.below(3); count > 0; count--) {
      (kind === 'y-websocket' ? editYjs13 : editYjs14)(Y, doc, random)
    }
  })
}
