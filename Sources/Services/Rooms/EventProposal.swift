import JSON
import Matrix

/// What somebody wants to add to a room.
struct EventProposal {
    var type: String
    var stateKey: String?
    var content: JSON.Object
    var sender: EventSender
    var redacts: EventID?

    init(
        type: String, stateKey: String? = nil, content: JSON.Object, sender: EventSender,
        redacts: EventID? = nil
    ) {
        self.type = type
        self.stateKey = stateKey
        self.content = content
        self.sender = sender
        self.redacts = redacts
    }
}
