public import JSON

/// Which events of one kind a client wants.
///
/// Specification: client-server, "Filtering", `EventFilter` and `RoomEventFilter`.
public struct EventFilter: Sendable, Hashable {
    /// How many events at most; nil leaves it to the server.
    public var limit: Int?
    /// The types to keep, with `*` for any text; nil keeps all.
    public var types: [String]?
    /// The types to leave out, with `*` for any text.
    public var notTypes: [String]
    /// The senders to keep; nil keeps all.
    public var senders: Set<String>?
    /// The senders to leave out.
    public var notSenders: Set<String>
    /// The rooms to keep; nil keeps all.
    public var rooms: Set<String>?
    /// The rooms to leave out.
    public var notRooms: Set<String>
    /// Whether only events with, or without, a `url` are kept.
    public var containsURL: Bool?
    /// If not nil, only events are kept to which another of one of these senders relates.
    public var relatedBySenders: [String]?
    /// If not nil, only events are kept to which another relates in one of these ways.
    public var relatedByTypes: [String]?
    /// Whether members are shown only where the timeline needs them.
    public var lazyLoadsMembers: Bool
    /// Whether members that the client knows are shown again.
    public var includesRedundantMembers: Bool
    /// Whether unread counts are split by thread.
    public var countsThreadsApart: Bool

    init(_ json: JSON?) {
        limit = json?["limit"]?.intValue.map { Int(clamping: $0) }
        types = json?["types"]?.strings
        notTypes = json?["not_types"]?.strings ?? []
        senders = json?["senders"]?.strings.map { Set($0) }
        notSenders = Set(json?["not_senders"]?.strings ?? [])
        rooms = json?["rooms"]?.strings.map { Set($0) }
        notRooms = Set(json?["not_rooms"]?.strings ?? [])
        containsURL = json?["contains_url"]?.boolValue
        relatedBySenders = json?["related_by_senders"]?.strings
        relatedByTypes = json?["related_by_rel_types"]?.strings
        lazyLoadsMembers = json?["lazy_load_members"]?.boolValue ?? false
        includesRedundantMembers = json?["include_redundant_members"]?.boolValue ?? false
        countsThreadsApart = json?["unread_thread_notifications"]?.boolValue ?? false
    }

    /// A filter, for `/messages` and the like, whose field names errors give as `filter.…`.
    public init(_ json: JSON.Object) throws(FilterError) {
        try FilterSchema.check(eventFilter: json, at: "filter")
        self.init(JSON.object(json))
    }

    /// Whether every event passes, but for the limit.
    public var passesAll: Bool {
        types == nil && notTypes.isEmpty && senders == nil && notSenders.isEmpty && rooms == nil
            && notRooms.isEmpty && containsURL == nil && relatedBySenders == nil
            && relatedByTypes == nil
    }

    /// Whether nothing can pass.
    public var passesNothing: Bool {
        limit == 0 || types == [] || senders == [] || rooms == [] || notTypes.contains("*")
    }

    /// Whether the filter lets through anything of a room.
    public func shows(room roomID: String) -> Bool {
        !notRooms.contains(roomID) && (rooms?.contains(roomID) ?? true)
    }

    /// Whether the type of an event is wanted.
    public func passes(type: String) -> Bool {
        !notTypes.contains { Glob.matches(type, pattern: $0) }
            && types?.contains { Glob.matches(type, pattern: $0) } ?? true
    }

    /// Whether something of this type passes that has no sender, such as account data, or that has; what it
    /// may be related by is not asked.
    public func passes(type: String, sender: String?, in roomID: String? = nil) -> Bool {
        guard limit != 0, containsURL != true, passes(type: type) else { return false }
        return passes(sender, in: senders, notIn: notSenders)
            && (roomID.map(shows) ?? true)
    }

    /// Whether an event passes. What a kind of event lacks, such as a sender, is nil and is
    /// refused by a filter that names those to keep.
    public func passes(
        type: String, sender: String?, room: RoomID?, containsURL: @autoclosure () -> Bool
    ) -> Bool {
        if passesAll { return true }
        guard !notTypes.contains(where: { Glob.matches(type, pattern: $0) }),
            types?.contains(where: { Glob.matches(type, pattern: $0) }) ?? true,
            passes(sender, in: senders, notIn: notSenders),
            passes(room?.text, in: rooms, notIn: notRooms)
        else { return false }
        return self.containsURL.map { $0 == containsURL() } ?? true
    }

    private func passes(_ value: String?, in kept: Set<String>?, notIn left: Set<String>) -> Bool {
        guard let value else { return kept == nil }
        return !left.contains(value) && (kept?.contains(value) ?? true)
    }
}
