/// How mail writes what is not plain ASCII.
enum MailEncoding {
    private static let hex = Array("0123456789ABCDEF".utf8)

    /// RFC 2045, 6.7. Lines of at most 76 characters; any kind of line end becomes CRLF, and the
    /// last line has one.
    static func quotedPrintable(_ text: String) -> String {
        var output: [UInt8] = []
        var column = 0
        func append(_ bytes: [UInt8], isLast: Bool) {
            // A soft line break takes a column of its own.
            if column + bytes.count > (isLast ? 76 : 75) {
                output += [0x3d, 0x0d, 0x0a]
                column = 0
            }
            output += bytes
            column += bytes.count
        }
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == 0x0d || byte == 0x0a {
                if byte == 0x0d, index < bytes.count, bytes[index] == 0x0a { index += 1 }
                output += [0x0d, 0x0a]
                column = 0
                continue
            }
            let isLast = index == bytes.count || bytes[index] == 0x0d || bytes[index] == 0x0a
            let isBlank = byte == 0x20 || byte == 0x09
            // Blanks at the end of a line get lost on the way.
            let isPlain = isBlank ? !isLast : byte > 0x20 && byte < 0x7f && byte != 0x3d
            append(
                isPlain ? [byte] : [0x3d, hex[Int(byte >> 4)], hex[Int(byte & 15)]], isLast: isLast)
        }
        if column > 0 { output += [0x0d, 0x0a] }
        return String(decoding: output, as: UTF8.self)
    }

    /// A field's text: as it is if it is short and plain, else as encoded words (RFC 2047).
    static func unstructured(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
        guard !isPlain || text.utf8.count > 60 || text.contains("=?") else { return text }
        return encodedWords(text)
    }

    /// Encoded words of at most 75 characters, a line each; no character is split.
    static func encodedWords(_ text: String) -> String {
        var words: [String] = []
        var word: [UInt8] = []
        for scalar in text.unicodeScalars {
            let bytes = Array(String(Character(scalar)).utf8)
            if word.count + bytes.count > 45 {
                words.append("=?utf-8?B?\(Base64.encode(word))?=")
                word = []
            }
            word += bytes
        }
        words.append("=?utf-8?B?\(Base64.encode(word))?=")
        return words.joined(separator: "\r\n ")
    }

    /// `Name <address>`.
    static func mailbox(_ address: MailAddress) -> String {
        guard let name = address.displayName, !name.isEmpty else { return "<\(address.address)>" }
        let isPlain =
            name.utf8.count <= 60 && !name.contains("=?")
            && name.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }
        let shown = isPlain ? "\"\(name)\"" : encodedWords(name)
        // On a line of its own, so that none becomes too long.
        return "\(shown)\r\n <\(address.address)>"
    }
}

/// A moment as RFC 5322 writes it, in universal time.
struct MailDate: CustomStringConvertible {
    let seconds: Int64

    var description: String {
        let days = (seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400
        let rest = seconds - days * 86_400
        let (year, month, day) = Self.civil(days)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        // 1970 began on a Thursday.
        let weekday = Int(((days + 4) % 7 + 7) % 7)
        let clock = "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
        return "\(Self.weekdays[weekday]), \(two(day)) \(Self.months[Int(month) - 1]) \(year) "
            + "\(clock) +0000"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The date of a day since 1970, by counting years from the first of March: the leap day comes
    /// last then, and every 400 years have 146,097 days.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
