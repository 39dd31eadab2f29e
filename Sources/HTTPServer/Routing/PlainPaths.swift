internal import Bytes
internal import HTTPWire

/// Which route serves GET of each path that a pattern names in full: found by its bytes, without
/// looking at the tree, whose answers these are.
struct PlainPaths: ~Copyable {
    private struct Entry {
        var path: Slice
        var route: Unmanaged<ServedRoute>?
    }

    // Allocated by `init`, freed by `deinit`, never given away; at most half of the places are taken.
    private let entries: UnsafeMutablePointer<Entry>
    private let mask: Int
    private let texts: UnsafeMutableRawBufferPointer

    /// The paths of those `routes`, which must outlive this, that `trie` has for them.
    init(_ trie: RouteTrie, _ routes: [ServedRoute]) {
        var paths: [(path: Slice, route: ServedRoute)] = []
        var bytes: [UInt8] = []
        var seen: Set<String> = []
        for route in routes where route.shape.names.isEmpty {
            let text = route.shape.pattern
            let path = Array(text.utf8)
            let segments = PathSegments(path.span.bytes, Slice(0, path.count))
            guard case .found(let index) = trie.find(path.span.bytes, segments, method: .get),
                routes[index].shape.names.isEmpty, seen.insert(text).inserted
            else { continue }
            paths.append((Slice(bytes.count, bytes.count + path.count), routes[index]))
            bytes += path
        }
        var size = 4
        while size < 2 * paths.count { size *= 2 }
        mask = size - 1
        entries = .allocate(capacity: size)
        entries.initialize(repeating: Entry(path: Slice(), route: nil), count: size)
        texts = .allocate(byteCount: bytes.count, alignment: 8)
        texts.copyBytes(from: bytes)
        for (path, route) in paths {
            var place = PlainPaths.hash(bytes.span.bytes.slice(path)) & mask
            while entries[place].route != nil { place = (place + 1) & mask }
            entries[place] = Entry(path: path, route: Unmanaged.passUnretained(route))
        }
    }

    deinit {
        entries.deallocate()
        texts.deallocate()
    }

    /// The route for GET of `path`; `nil` if the tree has to be asked.
    @inline(__always)
    func find(_ path: RawSpan) -> Unmanaged<ServedRoute>? {
        var place = PlainPaths.hash(path) & mask
        while let route = entries[place].route {
            let text = entries[place].path
            let known = UnsafeRawBufferPointer(rebasing: texts[text.range])
            if text.count == path.byteCount, path.equals(RawSpan(_unsafeBytes: known)) {
                return route
            }
            place = (place &+ 1) & mask
        }
        return nil
    }

    /// A number that the first and last bytes and their number make: paths of one program differ in
    /// these, mostly.
    @inline(__always)
    private static func hash(_ path: RawSpan) -> Int {
        let count = path.byteCount
        guard count >= 8 else {
            var value = UInt64(truncatingIfNeeded: count)
            for offset in 0..<count { value = value &* 31 &+ UInt64(path.byte(offset)) }
            return Int(truncatingIfNeeded: value ^ value &>> 7)
        }
        let first = path.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self)
        let last = path.unsafeLoadUnaligned(fromUncheckedByteOffset: count &- 8, as: UInt64.self)
        let mixed = (first ^ last &* 31 &+ UInt64(count)) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: mixed &>> 40)
    }
}
