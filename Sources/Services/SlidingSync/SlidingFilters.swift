import JSON
import Storage

/// Which rooms a list of sliding sync has.
struct SlidingFilters: Sendable {
    var isDirect: Bool?
    var isEncrypted: Bool?
    var isInvite: Bool?
    /// Types of rooms; nil among them for rooms without.
    var roomTypes: [String?]?
    var notRoomTypes: [String?] = []
    var tags: Set<String>?
    var notTags: Set<String> = []
    var nameLike: String?

    init(_ list: SlidingReader) throws(MatrixError) {
        guard let json = list.json["filters"], !json.isNull else { return }
        let reader = try SlidingReader(json, "\(list.path).filters")
        isDirect = try reader.bool("is_dm")
        isEncrypted = try reader.bool("is_encrypted")
        isInvite = try reader.bool("is_invite")
        roomTypes = try reader.strings("room_types")
        notRoomTypes = try reader.strings("not_room_types") ?? []
        tags = try reader.strings("tags").map { Set($0.compactMap(\.self)) }
        notTags = Set(try reader.strings("not_tags")?.compactMap(\.self) ?? [])
        nameLike = try reader.text("room_name_like")?.lowercased()
    }

    var asksTags: Bool { tags != nil || !notTags.isEmpty }

    func passes(_ room: SlidingRoom) -> Bool {
        if let isDirect, isDirect != room.isDirect { return false }
        if let isEncrypted, isEncrypted != room.facts.isEncrypted { return false }
        if let isInvite, isInvite != (room.membership.membership == "invite") { return false }
        if notRoomTypes.contains(room.facts.roomType) { return false }
        if let roomTypes, !roomTypes.contains(room.facts.roomType) { return false }
        if let tags, tags.isDisjoint(with: room.tags) { return false }
        if !notTags.isDisjoint(with: room.tags) { return false }
        if let nameLike {
            guard let name = room.facts.name?.lowercased(), name.contains(nameLike) else {
                return false
            }
        }
        return true
    }
}

/// A room of the asking user, with what lists sort and choose by.
struct SlidingRoom {
    let membership: SyncMemberships.Membership
    let facts: SlidingFacts
    var isDirect = false
    var tags: Set<String> = []

    var roomID: String { membership.roomID }

    /// Where the room stands among others: an invitation where it came.
    var rank: Int64 {
        membership.membership == "join" ? facts.bumpStamp : membership.streamOrdering
    }
}

/// What lists need to know of a room.
struct SlidingFacts {
    var bumpStamp: Int64 = 0
    var name: String?
    var avatar: String?
    var roomType: String?
    var isEncrypted = false

    mutating func add(_ fact: SlidingRooms.Fact) {
        bumpStamp = fact.bumpStamp
        guard let type = fact.type else { return }
        let content = fact.json.flatMap { try? JSON(parsing: $0) }?["content"]
        switch type {
        case "m.room.create": roomType = content?["type"]?.stringValue
        case "m.room.name":
            let name = content?["name"]?.stringValue ?? ""
            self.name = name.isEmpty ? nil : name
        case "m.room.avatar": avatar = content?["url"]?.stringValue
        case "m.room.encryption": isEncrypted = true
        default: break
        }
    }
}

/// What is known of rooms, for all who ask. What may have changed is dropped as rows arrive, and read again.
struct SlidingFactsCache {
    private var facts: [String: SlidingFacts] = [:]
    /// Counts invalidations, so that what was read before one is not believed after it.
    private(set) var generation = 0
    private let roomsMax = 50_000

    func known(_ roomID: String) -> SlidingFacts? { facts[roomID] }

    mutating func insert(_ some: [String: SlidingFacts], generation: Int) {
        guard generation == self.generation else { return }
        if facts.count + some.count > roomsMax { facts.removeAll(keepingCapacity: true) }
        facts.merge(some) { $1 }
    }

    /// Something happened in a room.
    mutating func forget(_ roomID: String) {
        generation += 1
        facts[roomID] = nil
    }

    mutating func removeAll() {
        generation += 1
        facts.removeAll()
    }
}
