public import JSON
import Matrix
import Storage

/// What a client wants to see: a Matrix filter as /sync obeys it.
///
/// `room.state.limit` is not obeyed: a state with holes would be worse than none.
public final class SyncFilter: Sendable {
    /// Events per room and answer when the filter does not say.
    static let timelineLimitDefault = 10
    /// The most events per room and answer.
    static let timelineLimitMax = 100
    /// The longest text of a filter, in bytes.
    public static let bytesMax = 65_536

    /// The filter as it was given.
    let filter: Filter
    let timelineLimit: Int
    let timeline: SyncTimelines.Conditions
    let state: SyncRoomState.Conditions
    /// The fields of events to keep; nil for all.
    let fields: FieldSelection?
    /// Whether something may be kept out of a timeline, so that state has to be told beside it.
    let hidesEvents: Bool
    /// Whether answers that are the same for everybody may serve: nothing is left out.
    let isPlain: Bool

    /// The filter of a client that sends none.
    public static let everything = SyncFilter(.all)

    private init(_ filter: Filter) {
        self.filter = filter
        let room = filter.room
        timelineLimit = min(
            room.timeline.limit ?? Self.timelineLimitDefault, Self.timelineLimitMax)
        timeline = SyncTimelines.Conditions(room.timeline)
        state = SyncRoomState.Conditions(room.state)
        fields = filter.eventFields.flatMap { $0.isEmpty ? nil : FieldSelection($0) }
        hidesEvents = !room.timeline.passesAll
        let showsAllRooms =
            room.rooms == nil && room.notRooms.isEmpty && room.ephemeral.passesAll
            && room.ephemeral.limit == nil
        let showsAllMembers =
            !room.state.lazyLoadsMembers || room.state.passesAll
        let presence = filter.presence
        let showsAllPresence =
            presence.senders == nil && presence.notSenders.isEmpty && presence.limit == nil
        isPlain =
            !hidesEvents && showsAllRooms && showsAllMembers && showsAllPresence
            && fields == nil && filter.format == .client
    }

    /// Reads a filter. Throws M_BAD_JSON.
    public convenience init(_ json: JSON) throws(MatrixError) {
        guard let object = json.objectValue else {
            throw MatrixError.badJSON("The filter must be an object")
        }
        do throws(FilterError) {
            self.init(try Filter(object))
        } catch {
            throw MatrixError.badJSON("\(error)")
        }
    }

    // MARK: What it lets through

    func wants(room roomID: String) -> Bool {
        !filter.room.notRooms.contains(roomID) && filter.room.rooms?.contains(roomID) ?? true
    }

    /// Whether rooms that the user has left are shown by an initial sync.
    var includesLeft: Bool { filter.room.includesLeave }

    /// Whether members are told only where a timeline or a name of a room needs them.
    var lazyLoadsMembers: Bool { filter.room.state.lazyLoadsMembers }

    /// Whether those are told again that the device has been told of.
    var includesRedundantMembers: Bool { filter.room.state.includesRedundantMembers }

    func showsTimeline(of roomID: String) -> Bool { filter.room.timeline.shows(room: roomID) }

    func showsState(of roomID: String) -> Bool { filter.room.state.shows(room: roomID) }

    func showsEphemeral(_ type: String, of roomID: String) -> Bool {
        filter.room.ephemeral.passes(type: type, sender: nil, in: roomID)
    }

    func showsAccountData(_ type: String, of roomID: String) -> Bool {
        filter.room.accountData.passes(type: type, sender: nil, in: roomID)
    }

    func showsAccountData(_ type: String) -> Bool {
        filter.accountData.passes(type: type, sender: nil)
    }

    /// Whether what is unread in threads is told apart.
    var showsUnreadThreads: Bool { filter.room.timeline.countsThreadsApart }

    /// Whether anybody's presence is wanted.
    var showsPresence: Bool {
        filter.presence.passes(type: "m.presence") && filter.presence.limit != 0
    }

    func showsPresence(of userID: String) -> Bool {
        filter.presence.passes(type: "m.presence", sender: userID)
    }

    /// The first events, as many as the limit of a filter allows.
    static func limited<Event>(_ events: [Event], to limit: Int?) -> [Event] {
        limit.map { Array(events.prefix($0)) } ?? events
    }
}

extension SyncTimelines.Conditions {
    init(_ filter: EventFilter) {
        self.init()
        types = filter.types?.map(LikePattern.of)
        notTypes = filter.notTypes.map(LikePattern.of)
        senders = filter.senders?.sorted()
        notSenders = filter.notSenders.sorted()
        containsURL = filter.containsURL
        relatedByTypes = filter.relatedByTypes
        relatedBySenders = filter.relatedBySenders
    }
}

extension SyncRoomState.Conditions {
    init(_ filter: EventFilter) {
        self.init()
        types = filter.types?.map(LikePattern.of)
        notTypes = filter.notTypes.map(LikePattern.of)
        senders = filter.senders?.sorted()
        notSenders = filter.notSenders.sorted()
        containsURL = filter.containsURL
    }
}

/// A filter's patterns as SQL's LIKE has them.
enum LikePattern {
    /// A text as it is, for a comparison with LIKE.
    static func literal(_ text: String) -> String { pattern(text, hasStars: false) }

    static func of(_ text: String) -> String { pattern(text, hasStars: true) }

    private static func pattern(_ text: String, hasStars: Bool) -> String {
        var pattern = ""
        for character in text.unicodeScalars {
            switch character {
            case "*" where hasStars: pattern.append("%")
            case "%", "_", "\\": pattern.append("\\\(character)")
            default: pattern.unicodeScalars.append(character)
            }
        }
        return pattern
    }
}
