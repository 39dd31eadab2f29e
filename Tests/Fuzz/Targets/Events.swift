import FuzzHTTP
import JSON
import Matrix

func checkEvent(_ input: [UInt8]) throws(Violation) {
    guard let value = try? JSON(parsing: input) else { return }
    let texts = value.arrayValue ?? [value]
    for version in RoomVersion.allCases {
        var room: [Event] = []
        for text in texts {
            guard let object = text.objectValue,
                let event = try? Event(json: object, version: version)
            else { continue }
            try checkEvent(event)
            room.append(event)
        }
        checkRoom(room)
        try checkResolution(room, version: version)
    }
}

private func checkEvent(_ event: Event) throws(Violation) {
    let text = event.json.canonicalBytes
    let again = try expectSuccess("\(event.json)") {
        try Event(parsing: text.span.bytes, version: event.version)
    }
    try require(again.eventID == event.eventID, "the identifier changes")
    let redacted = event.redacted()
    try require(redacted.eventID == event.eventID, "redaction changes the identifier")
    try require(redacted.redacted().json == redacted.json, "redacted twice, it differs")
    let computed = EventHash.eventID(of: redacted.json, version: event.version)
    try require(computed == event.eventID, "the hash covers what redaction removes")
    _ = try? event.checkLimits()
    _ = EventHash.matchesContent(of: event.json)
    try checkRendering(event)
}

private func checkRendering(_ event: Event) throws(Violation) {
    let options = ClientEvent.Options(age: 7)
    let rendered = ClientEvent.render(event, options)
    let sent = ClientEvent.adding(transactionID: "m\"1", to: rendered)
    let value = try expectSuccess("rendered") { try JSON(parsing: sent) }
    let transaction = value["unsigned"]?["transaction_id"]
    try require(transaction == "m\"1", "no transaction: \(value)")
    // Canonical text has no doubles that are whole, so the event is read from it too.
    let text = event.json.canonicalBytes
    let stored = try expectSuccess("\(event.json)") {
        try ClientEvent.render(
            stored: text.span.bytes, eventID: event.eventID, version: event.version, options)
    }
    let parsed = try expectSuccess("\(event.json)") {
        try Event(parsing: text.span.bytes, version: event.version)
    }
    // Only the parsed event's redaction target is checked.
    guard event.type != EventType.redaction || event.redacts != nil else { return }
    let left = try expectSuccess("stored") { try JSON(parsing: stored) }
    let right = try expectSuccess("parsed") {
        try JSON(parsing: ClientEvent.render(parsed, options))
    }
    try require(left == right, "stored it gives \(left), parsed \(right)")
}

/// The last event is held against the state that those before it make.
private func checkRoom(_ room: [Event]) {
    guard let last = room.last else { return }
    var state: StateMap<Event> = [:]
    for event in room.dropLast() {
        if let place = event.statePlace { state[place] = event }
    }
    _ = try? AuthRules.check(last, against: state)
    _ = try? AuthRules.checkAuthEvents(of: last, Array(room.dropLast()))
    let levels = PowerLevels(state: state, version: last.version)
    _ = levels.level(of: last.sender)
    _ = levels.required(forType: last.type, isState: last.isState)
    _ = levels.allowsRedacting(room[0], by: last.sender)
}

/// The events are those of two states, turn by turn, and allow one another as they say.
private func checkResolution(_ room: [Event], version: RoomVersion) throws(Violation) {
    var states: [StateMap<EventID>] = [[:], [:]]
    var events: [EventID: Event] = [:]
    for (number, event) in room.enumerated() {
        events[event.eventID] = event
        if let place = event.statePlace { states[number % 2][place] = event.eventID }
    }
    func resolve(_ states: [StateMap<EventID>]) -> StateMap<EventID>? {
        try? StateResolver.resolve(states, version: version) { events[$0] }
    }
    // Events of several rooms have no state.
    guard let resolved = resolve(states) else { return }
    let reversed = resolve(states.reversed())
    try require(reversed == resolved, "the order of the states matters")
    let again = resolve([resolved, resolved])
    try require(again == resolved, "resolved twice, it differs")
    for (place, event) in states[0] where states[1][place] == event {
        try require(resolved[place] == event, "what was agreed on is lost")
    }
    for (place, event) in resolved {
        try require(events[event]?.statePlace == place, "an event is in another's place")
    }
}

func checkFilter(_ input: [UInt8]) throws(Violation) {
    guard let object = (try? JSON(parsing: input))?.objectValue,
        let filter = try? Filter(object)
    else { return }
    let again = try expectSuccess("\(filter.json)") { try Filter(filter.json) }
    try require(again == filter, "read twice, it differs")
    let room = RoomID(trusted: "!r:x")
    _ = filter.room.shows(room: room)
    for part in [filter.presence, filter.room.timeline, filter.room.state] {
        let passes = part.passes(
            type: "m.room.message", sender: "@a:x", room: room, containsURL: false)
        if part.passesAll { try require(passes, "it passes all, but not this") }
        // The limit is the caller's business.
        if part.passesNothing, part.limit != 0 {
            try require(!passes, "it passes nothing, but this")
        }
    }
}
