internal import Reactor

/// How far connecting has come in a list of places.
struct ConnectionAttempt {
    /// What is left of them, the one that libpq is at among them. Empty if libpq knows where to go.
    private(set) var places: ArraySlice<ServerPlace>
    private let deadline: Instant
    /// Where libpq is, by its own account.
    private var address: String?
    /// The place of that in the list.
    private var index: Int

    init(places: ArraySlice<ServerPlace>, deadline: Instant) {
        self.places = places
        self.deadline = deadline
        index = places.startIndex
    }

    /// Notes where libpq is; returns whether that is news.
    mutating func reach(_ address: String) -> Bool {
        guard address != self.address else { return false }
        self.address = address
        index = places.firstIndex { $0.address == address } ?? places.startIndex
        return true
    }

    /// How long the place that libpq is at may take: an equal share of what is left.
    func share(at now: Instant) -> Duration {
        let left = deadline > now ? deadline - now : .zero
        return left / max(1, places.endIndex - index)
    }

    /// Strikes out that place and those before it; returns whether any is left.
    mutating func giveUp() -> Bool {
        guard index < places.endIndex else { return false }
        places = places[(index + 1)...]
        index = places.startIndex
        address = nil
        return !places.isEmpty
    }
}
