extension JSON {
    /// The members of a JSON object, sorted by the code points of their keys.
    ///
    /// Reads like a `[String: JSON]`, with three differences: keys are distinct if their bytes
    /// are (a dictionary merges canonically equivalent ones), iteration order is defined, and
    /// so an object is always written the same way. Look-up is a binary search.
    public struct Object: Sendable {
        /// A key with its value.
        public typealias Element = (key: String, value: JSON)

        var members: [Element]

        /// Makes an object without members.
        public init() {
            members = []
        }

        /// Makes an object of a dictionary.
        public init(_ dictionary: [String: JSON]) {
            self.init(dictionary.map { ($0.key, $0.value) })
        }

        /// Makes an object of keys with their values; of equal keys the last wins.
        public init(_ elements: some Sequence<(String, JSON)>) {
            self.init(unsorted: elements.map { (key: $0.0, value: $0.1) })
        }

        init(unsorted elements: [Element]) {
            members = elements
            var index = 1
            while index < members.count {
                guard members[index - 1].key.precedesInBytes(members[index].key) else {
                    sortMembers()
                    return
                }
                index += 1
            }
        }

        private mutating func sortMembers() {
            // Ties by position, so that the last of equal keys comes last and can win.
            let sorted = members.enumerated().sorted { left, right in
                let order = left.element.key.compareBytes(with: right.element.key)
                return order == 0 ? left.offset < right.offset : order < 0
            }
            var unique: [Element] = []
            unique.reserveCapacity(sorted.count)
            for (_, element) in sorted {
                if let last = unique.last, last.key.hasSameBytes(as: element.key) {
                    unique.removeLast()
                }
                unique.append(element)
            }
            members = unique
        }

        /// The index of the key, or where it belongs.
        private func search(_ key: String) -> (index: Int, found: Bool) {
            var low = 0
            var high = members.count
            while low < high {
                let middle = (low + high) / 2
                let order = members[middle].key.compareBytes(with: key)
                if order == 0 { return (middle, true) }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
            return (low, false)
        }

        /// The value of this key.
        ///
        /// Setting nil removes the member; to store `null`, set `.null`.
        public subscript(key: String) -> JSON? {
            get {
                let (index, found) = search(key)
                return found ? members[index].value : nil
            }
            set {
                let (index, found) = search(key)
                switch (newValue, found) {
                case (let value?, true): members[index].value = value
                case (let value?, false): members.insert((key, value), at: index)
                case (nil, true): members.remove(at: index)
                case (nil, false): break
                }
            }
        }

        /// The value of this key or, if there is none, a default.
        public subscript(key: String, default fallback: @autoclosure () -> JSON) -> JSON {
            self[key] ?? fallback()
        }

        /// Removes a member and returns its value.
        @discardableResult
        public mutating func removeValue(forKey key: String) -> JSON? {
            let (index, found) = search(key)
            return found ? members.remove(at: index).value : nil
        }

        /// The keys in order.
        public var keys: [String] { members.map(\.key) }

        /// The values in the order of their keys.
        public var values: [JSON] { members.map(\.value) }

        /// The members that satisfy the predicate.
        public func filter(_ isIncluded: (Element) throws -> Bool) rethrows -> Object {
            var result = Object()
            result.members = try members.filter(isIncluded)
            return result
        }

        /// Adds the members of another object, whose values win.
        public mutating func merge(_ other: Object) {
            for (key, value) in other.members { self[key] = value }
        }

        /// This object with the members of another added, whose values win.
        public func merging(_ other: Object) -> Object {
            var result = self
            result.merge(other)
            return result
        }
    }
}

extension JSON.Object: RandomAccessCollection {
    /// Always 0.
    public var startIndex: Int { 0 }
    /// The number of members.
    public var endIndex: Int { members.count }
    /// The member at this place in the order of keys.
    public subscript(position: Int) -> Element { members[position] }
}

extension JSON.Object: Hashable {
    /// Equal keys with equal values.
    public static func == (left: JSON.Object, right: JSON.Object) -> Bool {
        left.members.count == right.members.count
            && zip(left.members, right.members).allSatisfy {
                $0.key.hasSameBytes(as: $1.key) && $0.value == $1.value
            }
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
        for member in members {
            member.key.hashBytes(into: &hasher)
            hasher.combine(member.value)
        }
    }
}

extension JSON.Object: ExpressibleByDictionaryLiteral {
    /// Of equal keys the last wins.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self.init(elements)
    }
}
