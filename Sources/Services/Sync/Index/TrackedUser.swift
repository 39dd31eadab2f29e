import Reactor

/// A user whose clients sync here, or did so lately.
///
/// Once the general path has read the user's rooms the index keeps, per stream, the last position at which something
/// happened that concerns the user. Above the floor that answers "is there anything new since this token" without
/// the database.
final class TrackedUser {
    let userID: String
    /// The joined rooms, if known.
    var rooms: [TrackedRoom] = []
    /// Whether `rooms` and `last` can be relied upon.
    var isLoaded = false
    /// Counts invalidations, so that what was read before one is not believed after it.
    var generation = 0
    /// Users whose messages this one does not want to see.
    var ignored: Set<String> = []
    /// What happened before is not known here.
    var floor = StreamToken()
    /// When something last happened that concerns the user. Typing: -1 for never.
    var last = StreamToken()
    /// The clients that wait for something to happen.
    var parked: [ParkedClient] = []
    /// Requests under way, parked ones among them.
    var requests = 0
    /// When the last request ended.
    var idleSince = Instant(nanoseconds: 0)
    /// Whether it stands in the queue of idle users.
    var isQueuedIdle = false

    /// How many keys each of the user's devices has left, as far as that is known.
    var keys: [String: KeyCountsText] = [:]

    /// Of which members each of the user's devices that wants as few as possible has been told.
    var told: [String: ToldMembers] = [:]
    /// A wave has news for the clients that waited when it began, and has not come to them.
    var isWaking = false

    // Scratch space of a wave.
    var waveDeviceLists = DeviceListNews()
    var wavePresence: [Int] = []
    var waveNumber = 0
    var waveSections: [Int] = []
    var waveIsGeneral = false

    init(userID: String) {
        self.userID = userID
        last.typing = -1
    }

    /// Whether it is certain that nothing concerns the user after `since`.
    ///
    /// Typing serials start again with the main process: one above ours is from before that, and the user knows
    /// nothing of what happened since.
    func knowsNothingNew(since: StreamToken, position: StreamToken) -> Bool {
        guard isLoaded, position.isAtLeast(since), since.isAtLeast(floor) else { return false }
        guard last.room <= since.room, last.receipt <= since.receipt,
            last.accountData <= since.accountData, last.presence <= since.presence,
            last.toDevice <= since.toDevice, last.deviceList <= since.deviceList,
            last.pushRules <= since.pushRules
        else { return false }
        let typing = since.typing > position.typing ? -1 : since.typing
        return last.typing <= typing
    }
}

/// A client that waits: what it asked for, and where the answer goes. No task is suspended for it.
struct ParkedClient {
    let number: UInt64
    var request: SyncRequest
    let responder: any SyncResponder
    let timer: Timer
    let deadline: Instant
}
