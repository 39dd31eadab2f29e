/// Transfers that wait for their turn, first come, first served. All steps are O(1), amortised.
struct WaitingLine {
    private var line: [HTTPTransfer?] = []
    private var first = 0
    private var places: [ObjectIdentifier: Int] = [:]
    /// How many places were given up since the line began.
    private var base = 0

    var count: Int { places.count }
    var all: [HTTPTransfer] { line.compactMap { $0 } }

    mutating func append(_ transfer: HTTPTransfer) {
        places[ObjectIdentifier(transfer)] = base + line.count
        line.append(transfer)
    }

    mutating func remove(_ transfer: HTTPTransfer) {
        guard let place = places.removeValue(forKey: ObjectIdentifier(transfer)) else { return }
        line[place - base] = nil
        compact()
    }

    mutating func popFirst() -> HTTPTransfer? {
        while first < line.count {
            let next = line[first].take()
            first += 1
            guard let next else { continue }
            places[ObjectIdentifier(next)] = nil
            compact()
            return next
        }
        return nil
    }

    /// Gives up the places of those that have left, once they are most of them.
    private mutating func compact() {
        while first < line.count, line[first] == nil { first += 1 }
        if first > 64, first > line.count / 2 {
            line.removeFirst(first)
            base += first
            first = 0
        } else if line.count > 64, line.count > 4 * places.count {
            // Gaps in the middle, behind somebody who waits for long.
            line = line.filter { $0 != nil }
            first = 0
            base = 0
            for (index, transfer) in line.enumerated() {
                if let transfer { places[ObjectIdentifier(transfer)] = index }
            }
        }
    }
}
