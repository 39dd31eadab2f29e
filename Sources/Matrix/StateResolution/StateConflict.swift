/// Several states of one room, split into what they agree on and what they do not.
///
/// What they agree on stays in the first state, which is never copied; it may be large.
struct StateConflict: Sendable {
    let states: [StateMap<EventID>]
    /// The places on which the states do not agree.
    let places: Set<StateKey>
    /// For each state the events that it has at those places.
    let events: [[EventID]]
    /// What the states agree on beside what the first of them says: in room version 1 an event
    /// that some states lack is no conflict.
    let additions: StateMap<EventID>

    /// - Parameters:
    ///   - states: The states.
    ///   - absenceConflicts: Whether a place that a state does not have conflicts with one that
    ///     another has.
    init(_ states: [StateMap<EventID>], absenceConflicts: Bool) {
        self.states = states
        guard let first = states.first else {
            (places, events, additions) = ([], [], [:])
            return
        }
        var places: Set<StateKey> = []
        var additions: StateMap<EventID> = [:]
        for state in states.dropFirst() {
            var shared = 0
            for (place, event) in state {
                let known = first[place] ?? additions[place]
                if first[place] != nil { shared += 1 }
                if known == nil, !absenceConflicts {
                    additions[place] = event
                } else if known != event {
                    places.insert(place)
                }
            }
            // Only if something is missing is it worth asking what.
            if absenceConflicts, shared < first.count {
                for place in first.keys where state[place] == nil { places.insert(place) }
            }
        }
        for place in places { additions[place] = nil }
        self.places = places
        self.additions = additions
        events = states.map { state in places.compactMap { state[$0] } }
    }

    /// The event on which the states agree.
    func agreed(_ place: StateKey) -> EventID? {
        places.contains(place) ? nil : states.first?[place] ?? additions[place]
    }

    /// The events on which the states agree; only of use where absence is a conflict.
    var agreedEvents: Set<EventID> {
        var events: Set<EventID> = []
        for (place, event) in states.first ?? [:] where !places.contains(place) {
            events.insert(event)
        }
        return events
    }

    /// The states made one. What was resolved fills the places of the conflict, and others on
    /// which there was nothing to agree.
    func merged(with resolved: StateMap<EventID>) -> StateMap<EventID> {
        guard var state = states.first else { return resolved }
        for place in places { state[place] = nil }
        state.merge(additions) { agreed, _ in agreed }
        state.merge(resolved) { agreed, _ in agreed }
        return state
    }
}
