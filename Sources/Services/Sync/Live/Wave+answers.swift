import Bytes

/// Puts answers together.
extension Wave {
    /// The answer for a client, or nil if it has to be computed.
    mutating func answer(for client: ParkedClient, of user: TrackedUser) -> SyncAnswer? {
        let request = client.request
        guard !user.waveIsGeneral, !request.isSliding, request.filter.isPlain, user.isLoaded,
            let keys = engine.keys(of: request, user), let tail = tail(for: request, user, keys),
            let told = sections(for: request, user)
        else { return nil }
        var answer: SyncAnswer
        if told.contains(where: { sections[$0.index].isPersonal(to: request) }) {
            answer = pieces(for: told, tail, request)
        } else if told.count == 1, tail === keys.tail {
            answer = soleAnswer(told[0], keys)
        } else if let last, told == last.told, tail === last.tail {
            answer = last.answer
        } else {
            answer = pieces(for: told, tail, nil)
            last = LastAnswer(told: told, tail: tail, answer: answer)
        }
        if request.filter.lazyLoadsMembers {
            for item in told {
                answer.members += sections[item.index].membersTold(item.variant)
            }
        }
        return answer
    }

    /// The sections that concern a client, as it sees them; nil if one of them does not serve.
    private func sections(for request: SyncRequest, _ user: TrackedUser) -> [ToldSection]? {
        var told: [ToldSection] = []
        told.reserveCapacity(user.waveSections.count)
        let members =
            request.filter.lazyLoadsMembers ? engine.toldMembers(of: request, user) : nil
        for index in user.waveSections {
            let section = sections[index]
            guard section.isComplete, section.events.count <= request.filter.timelineLimit else {
                return nil
            }
            if !user.ignored.isEmpty, section.hasMessage(from: user.ignored) { return nil }
            guard let variant = section.variant(for: request, of: user, told: members)
            else { return nil }
            told.append(ToldSection(index: index, variant: variant))
        }
        return told
    }

    /// What follows the rooms: the same for all who are told the same; nil if there is nothing at all to tell.
    private mutating func tail(
        for request: SyncRequest, _ user: TrackedUser, _ keys: KeyCountsText
    ) -> SharedBytes? {
        let shown = request.filter.showsPresence ? user.wavePresence : []
        if shown.isEmpty, user.waveDeviceLists.isEmpty {
            return user.waveSections.isEmpty ? nil : keys.tail
        }
        let key = WaveTail(
            keys: ObjectIdentifier(keys), deviceLists: user.waveDeviceLists, presence: shown)
        if let tail = tails[key] { return tail }
        var rest = AnswerFrame.Rest()
        rest.keys = keys
        rest.deviceLists = user.waveDeviceLists
        rest.presence = shown.map { presence[$0] }
        let tail = SharedBytes(AnswerFrame.tail(rest))
        tails[key] = tail
        return tail
    }

    /// One piece for everybody for whom only this room is news, and who has as many keys left.
    private func soleAnswer(_ told: ToldSection, _ keys: KeyCountsText) -> SyncAnswer {
        let section = sections[told.index]
        let key = LiveSection.AnswerKey(keys: ObjectIdentifier(keys), variant: told.variant)
        if let answer = section.answers[key] { return answer }
        var bytes: [UInt8] = []
        for piece in [head, section.shared(told.variant), keys.tail] {
            piece.bytes.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        let answer = SyncAnswer(bytes)
        section.answers[key] = answer
        return answer
    }

    private func pieces(
        for told: [ToldSection], _ tail: SharedBytes, _ request: SyncRequest?
    ) -> SyncAnswer {
        var pieces = [head]
        pieces.reserveCapacity(told.count * 2 + 1)
        for (number, item) in told.enumerated() {
            if number > 0 { pieces.append(AnswerFrame.comma) }
            let section = sections[item.index]
            if let request, section.isPersonal(to: request) {
                pieces.append(section.personal(to: request, item.variant))
            } else {
                pieces.append(section.shared(item.variant))
            }
        }
        pieces.append(tail)
        return SyncAnswer(pieces)
    }
}

/// A section of an answer, as one sees it.
struct ToldSection: Hashable {
    let index: Int
    let variant: LiveSection.Variant
}

/// An answer with what it was put together from.
struct LastAnswer {
    let told: [ToldSection]
    let tail: SharedBytes
    let answer: SyncAnswer
}
