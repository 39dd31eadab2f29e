/// A row that does not have the shape asked for.
struct RowError: Error, Hashable {
    let offset: Int
    let expected: StaticString

    static func == (left: RowError, right: RowError) -> Bool { left.offset == right.offset }
    func hash(into hasher: inout Hasher) { hasher.combine(offset) }
}
