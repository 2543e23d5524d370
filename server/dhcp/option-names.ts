/** What IANA calls an option, in short, and the text that defines it. */
export type OptionName = { readonly name: string; readonly source: string }

/** The name of an option as people read it, `option 224` where there is none. */
export function optionName(code: number): string {
  return optionNames.get(code)?.name ?? `option ${code}`
}

// One line each: code, name, source.
const registry = `
0 pad|RFC 2132 §3.1
1 subnet mask|RFC 2132 §3.3
2 time offset|RFC 2132 §3.4
3 routers|RFC 2132 §3.5
4 time servers|RFC 2132 §3.6
5 name servers|RFC 2132 §3.7
6 DNS servers|RFC 2132 §3.8
7 log servers|RFC 2132 §3.9
8 quote servers|RFC 2132 §3.10
9 LPR servers|RFC 2132 §3.11
10 Impress servers|RFC 2132 §3.12
11 resource location servers|RFC 2132 §3.13
12 host name|RFC 2132 §3.14
13 boot file size|RFC 2132 §3.15
14 merit dump file|RFC 2132 §3.16
15 domain name|RFC 2132 §3.17
16 swap server|RFC 2132 §3.18
17 root path|RFC 2132 §3.19
18 extensions path|RFC 2132 §3.20
19 IP forwarding|RFC 2132 §4.1
20 non-local source routing|RFC 2132 §4.2
21 policy filter|RFC 2132 §4.3
22 maximum datagram reassembly size|RFC 2132 §4.4
23 default IP time to live|RFC 2132 §4.5
24 path MTU aging timeout|RFC 2132 §4.6
25 path MTU plateau table|RFC 2132 §4.7
26 interface MTU|RFC 2132 §5.1
27 all subnets are local|RFC 2132 §5.2
28 broadcast address|RFC 2132 §5.3
29 perform mask discovery|RFC 2132 §5.4
30 mask supplier|RFC 2132 §5.5
31 perform router discovery|RFC 2132 §5.6
32 router solicitation address|RFC 2132 §5.7
33 static routes|RFC 2132 §5.8
34 trailer encapsulation|RFC 2132 §6.1
35 ARP cache timeout|RFC 2132 §6.2
36 Ethernet encapsulation|RFC 2132 §6.3
37 TCP default TTL|RFC 2132 §7.1
38 TCP keepalive interval|RFC 2132 §7.2
39 TCP keepalive garbage|RFC 2132 §7.3
40 NIS domain|RFC 2132 §8.1
41 NIS servers|RFC 2132 §8.2
42 NTP servers|RFC 2132 §8.3
43 vendor-specific information|RFC 2132 §8.4
44 NetBIOS name servers|RFC 2132 §8.5
45 NetBIOS datagram distribution servers|RFC 2132 §8.6
46 NetBIOS node type|RFC 2132 §8.7
47 NetBIOS scope|RFC 2132 §8.8
48 X font servers|RFC 2132 §8.9
49 X display managers|RFC 2132 §8.10
50 requested address|RFC 2132 §9.1
51 lease time|RFC 2132 §9.2
52 option overload|RFC 2132 §9.3
53 message type|RFC 2132 §9.6
54 server identifier|RFC 2132 §9.7
55 parameter request list|RFC 2132 §9.8
56 message|RFC 2132 §9.9
57 maximum message size|RFC 2132 §9.10
58 renewal time (T1)|RFC 2132 §9.11
59 rebinding time (T2)|RFC 2132 §9.12
60 vendor class|RFC 2132 §9.13
61 client identifier|RFC 2132 §9.14
62 NetWare/IP domain|RFC 2242
63 NetWare/IP information|RFC 2242
64 NIS+ domain|RFC 2132 §8.11
65 NIS+ servers|RFC 2132 §8.12
66 TFTP server name|RFC 2132 §9.4
67 boot file name|RFC 2132 §9.5
68 mobile IP home agents|RFC 2132 §8.13
69 SMTP servers|RFC 2132 §8.14
70 POP3 servers|RFC 2132 §8.15
71 NNTP servers|RFC 2132 §8.16
72 WWW servers|RFC 2132 §8.17
73 finger servers|RFC 2132 §8.18
74 IRC servers|RFC 2132 §8.19
75 StreetTalk servers|RFC 2132 §8.20
76 StreetTalk directory assistance servers|RFC 2132 §8.21
77 user class|RFC 3004
78 directory agent|RFC 2610
79 service scope|RFC 2610
80 rapid commit|RFC 4039
81 client FQDN|RFC 4702
82 relay agent information|RFC 3046
83 iSNS servers|RFC 4174
85 NDS servers|RFC 2241
86 NDS tree name|RFC 2241
87 NDS context|RFC 2241
88 BCMCS domains|RFC 4280
89 BCMCS addresses|RFC 4280
90 authentication|RFC 3118
91 client last transaction time|RFC 4388
92 associated addresses|RFC 4388
93 client architecture|RFC 4578 §2.1
94 client network interface|RFC 4578 §2.2
95 LDAP servers|RFC 3679
97 client machine identifier|RFC 4578 §2.3
98 user authentication|RFC 2485
99 civic location|RFC 4776
100 time zone, POSIX|RFC 4833
101 time zone, name|RFC 4833
108 IPv6-only preferred|RFC 8925
109 DHCPv4-over-DHCPv6 source address|RFC 8539
112 NetInfo address|RFC 3679
113 NetInfo tag|RFC 3679
114 captive portal|RFC 8910
116 auto-configure|RFC 2563
117 name service search|RFC 2937
118 subnet selection|RFC 3011
119 domain search|RFC 3397
120 SIP servers|RFC 3361
121 classless static routes|RFC 3442
122 CableLabs client configuration|RFC 3495
123 geographic location|RFC 6225
124 vendor-identifying vendor class|RFC 3925
125 vendor-identifying vendor information|RFC 3925
128 PXE, vendor-specific (128)|RFC 4578 §2.4
129 PXE, vendor-specific (129)|RFC 4578 §2.4
130 PXE, vendor-specific (130)|RFC 4578 §2.4
131 PXE, vendor-specific (131)|RFC 4578 §2.4
132 PXE, vendor-specific (132)|RFC 4578 §2.4
133 PXE, vendor-specific (133)|RFC 4578 §2.4
134 PXE, vendor-specific (134)|RFC 4578 §2.4
135 PXE, vendor-specific (135)|RFC 4578 §2.4
136 PANA agents|RFC 5192
137 LoST server|RFC 5223
138 CAPWAP access controllers|RFC 5417
139 MoS addresses|RFC 5678
140 MoS domains|RFC 5678
141 SIP configuration domains|RFC 6011
142 ANDSF addresses|RFC 6153
143 secure zero-touch redirect|RFC 8572
144 geospatial location|RFC 6225
145 forcerenew nonce capable|RFC 6704
146 recursive DNS server selection|RFC 6731
147 DOTS reference identifier|RFC 8973
148 DOTS addresses|RFC 8973
150 TFTP server addresses|RFC 5859
151 status code|RFC 6926
152 base time|RFC 6926
153 start time of state|RFC 6926
154 query start time|RFC 6926
155 query end time|RFC 6926
156 DHCP state|RFC 6926
157 data source|RFC 6926
158 port control protocol servers|RFC 7291
159 port parameters|RFC 7618
161 manufacturer usage description|RFC 8520
162 encrypted DNS servers|RFC 9463
175 iPXE options|iPXE, include/ipxe/dhcp.h
203 iPXE iSCSI initiator name|iPXE, include/ipxe/dhcp.h
208 PXELINUX magic|RFC 5071
209 configuration file|RFC 5071
210 path prefix|RFC 5071
211 reboot time|RFC 5071
212 6rd|RFC 5969
213 access network domain|RFC 5986
220 subnet allocation|RFC 6656
221 virtual subnet selection|RFC 6607
249 classless static routes (Microsoft)|MS-DHCPE
252 web proxy auto-discovery|WPAD, expired Internet draft
255 end|RFC 2132 §3.2`

export const optionNames: ReadonlyMap<number, OptionName> = new Map(
  registry
    .trim()
    .split('\n')
    .map((line) => {
      const [, code = '', name = '', source = ''] = /^([0-9]+) (.+)\|(.+)$/.exec(line) ?? []
      return [Number(code), { name, source }]
    }),
)
