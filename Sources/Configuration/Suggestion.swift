/// The name that a mistyped one was probably meant to be.
func closest(to name: String, among candidates: some Sequence<String>) -> String? {
    let typed = Array(name.lowercased().unicodeScalars.prefix(80))
    let tolerance = max(1, min(3, typed.count / 3))
    var best: (name: String, distance: Int)?
    for candidate in candidates {
        let target = Array(candidate.lowercased().unicodeScalars.prefix(80))
        guard abs(target.count - typed.count) <= tolerance else { continue }
        let distance = editDistance(typed, target)
        guard distance <= tolerance else { continue }
        let isBetter = best.map { (distance, candidate) < ($0.distance, $0.name) } ?? true
        if isBetter { best = (candidate, distance) }
    }
    return best?.name
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one text to another.
private func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for (row, scalar) in left.enumerated() {
        var current = [row + 1]
        for (column, other) in right.enumerated() {
            var cost = min(
                last[column + 1] + 1, current[column] + 1, last[column] + (scalar == other ? 0 : 1))
            let isSwap =
                row > 0 && column > 0 && scalar == right[column - 1]
                && left[row - 1] == other
            if isSwap { cost = min(cost, beforeLast[column - 1] + 1) }
            current.append(cost)
        }
        beforeLast = last
        last = current
    }
    return last[right.count]
}
