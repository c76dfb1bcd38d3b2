# ruff: noqa: E501
"""Databases of sports, arts, films and games. The notation is explained in data/synthesis/worlds/worlds.py."""

WORLDS = """
soccer_league | sports
teams 16: team_id=key; team_name=*Red|Blue|Royal|United|Sporting/Rovers|Wanderers|Athletic|Lions; city=city; founded_year=year 1880..1999; stadium_capacity=int 3000..80000
players 110: player_id=key; player_name=person; team_id=>teams; position=goalkeeper|defender|midfielder|forward; age=int 17..39; height_cm=int 160..205; nationality=country; market_value=int 100000..60000000
matches 100: match_id=key; home_team_id=>teams; away_team_id=>teams; match_date=date 2021..2023; home_goals=int 0..6; away_goals=int 0..5; attendance=int 900..75000
goals 150: goal_id=key; match_id=>matches; player_id=>players; minute=int 1..90; goal_type=open play|penalty|header|free kick

TennisTour | sports
Player 60: PlayerID=key; FirstName=first; LastName=last; Country=country; BirthDate=date 1983..2005; Hand=right|left; Ranking=int 1..300
Tournament 18: TournamentID=key; TournamentName=*City|Royal|Coastal|Winter|Grand/Open|Cup|Masters|Classic; Surface=clay|grass|hard; City=city; PrizeMoney=int 20000..3000000
Result 150: ResultID=key; TournamentID=>Tournament; WinnerID=>Player; LoserID=>Player; Year=year 2016..2023; Sets=int 2..5; Minutes=int 48..290

olympic_meet | sports
countries 20: country_code=code C; country_name=*Argentina|Brazil|Canada|Chile|China|Denmark|Egypt|France|Germany|Ghana|India|Italy|Japan|Kenya|Mexico|Norway|Peru|Poland|Spain|Sweden; population_millions=real 4..1400
athletes 90: athlete_id=key; full_name=person; sex=F|M; height=int 150..210; weight=int 44..125; country_code=>countries
events 20: event_id=key; event_name=*100 metres|200 metres|400 metres|Marathon|Long Jump|High Jump|Javelin|Discus|Pole Vault|Hurdles/Men|Women; sport=athletics|field; venue=Main Stadium|Riverside Track|City Course
medals 110: athlete_id=>athletes; event_id=>events; medal=gold|silver|bronze; games_year=2012|2016|2020

film_archive | films
director 25: director_id=key; name=person; nationality=country; birth_year=year 1920..1990
movie 80: movie_id=key; title=*The Last|A Quiet|Midnight|The Long|Secret|Lost|Burning/Summer|Train|Promise|City|River|Stranger|Witness|Garden|Road|Letter|Dance|Island; director_id=>director; release_year=year 1955..2023; genre=drama|comedy|thriller|documentary|animation; running_time=int 65..210; budget=int 100000..90000000; gross=int 50000..400000000?
actor 60: actor_id=key; name=person; gender=female|male; born_in=city
cast_list 190: movie_id=>movie; actor_id=>actor; role_type=lead|supporting|cameo; billing=int 1..12
award 50: award_id=key; movie_id=>movie; award_name=Best Picture|Best Director|Best Script|Audience Prize; year=year 1990..2023

tvChannels | television
Channel 14: id=key; series_name=*Sky|Metro|Nova|Prime|Echo/One|Two|Kids|News; country=country; language=English|French|Spanish|Italian; hd=yn
Series 40: id=key; title=*Hospital|Police|Family|Island|School|Desert/Stories|Nights|Secrets|Business|Games|Diaries|Lives; channelId=>Channel; seasons=int 1..15; firstAired=year 1990..2023; rating=real 3..9.8
Episode 160: id=key; seriesId=>Series; episodeTitle=*The Return|The Visit|The Wedding|The Lie|The Storm|The Trial|The Escape|The Guest|The Fall|The Deal/Part One|Part Two|Part Three|Again|Revisited|Begins|Ends|at Night|at Dawn|for Two|of Fire|of Ice|in Spring|in Autumn|Lost|Found; airDate=date 2005..2023; viewersMillions=real 0.2..19; lengthMinutes=int 20..95

record_label | music
artists 35: artist_id=key; artist_name=*The Velvet|Electric|Lonely|Crimson|Paper|Neon/Foxes|Pilots|Hearts|Lions|Waves|Owls; country=country; formed_year=year 1965..2020; genre=rock|pop|jazz|folk|electronic
albums 70: album_id=key; title=*Blue|Open|Endless|Electric|Fading|Secret/Sky|Doors|Season|Heart|Lines|Summer|Echo|Light|Rooms|Tides|Maps|Fires; artist_id=>artists; released=year 1970..2023; sales=int 500..4000000; label=Northbeat|Harbour Sound|Ivory|Sundown
songs 160: song_id=key; song_name=*Dancing|Falling|Waiting|Running|Dreaming|Calling|Drifting|Burning|Leaving|Shining|Turning|Singing/Tonight|Again|for You|in the Rain|Alone|Slowly|at Midnight|with Me|Home|Away|Forever|on Fire|Together|in Paris|Blind; album_id=>albums; duration=int 95..540; plays=int 100..9000000

concertHall | music | typed
singer 40: Singer_ID=key; Name=person; Country=country; Birth_Year=year 1945..2003; Net_Worth_Millions=real 0.5..90
stadium 14: Stadium_ID=key; Stadium_Name=*Royal|City|Harbour|Olympic/Hall|Arena|Park|Dome; Location=city; Capacity=int 900..70000; Average_Attendance=int 500..60000
concert 60: Concert_ID=key; Concert_Title=*Spring|Summer|Autumn|Winter|Charity|Jubilee|Sunset|Midnight/Gala|Festival|Live|Night|Tour|Session|Jam|Show; Stadium_ID=>stadium; Year=year 2013..2023; Tickets_Sold=int 200..60000
singer_in_concert 130: Singer_ID=>singer; Concert_ID=>concert

city_museum | museums
museum 12: Museum_ID=key; Name=*City|National|Maritime|Modern|Railway|Children's/Museum|Gallery|Collection; Num_of_Staff=int 4..180; Open_Year=year 1880..2019; City=city
exhibit 50: exhibit_id=key; exhibit_title=*Ancient|Lost|Golden|Hidden|Forgotten|Living/Treasures|Maps|Machines|Masks|Ships|Portraits|Voices|Gardens|Coins; museum_id=>museum; theme=art|history|nature|science; opened_on=date 2015..2023; ticket_price=money 3..28
visitor 70: ID=key; Name=person; Age=int 6..85; Level_of_membership=int 1..8
visit 150: museum_id=>museum; visitor_id=>visitor; num_of_tickets=int 1..9; total_spent=money 5..260

art_gallery | art
painters 30: painter_id=key; painter_name=person; birth_place=city; birth_year=year 1780..1975; style=realism|cubism|abstract|impressionism|surrealism
paintings 90: painting_id=key; painting_title=*Red|Blue|White|Still|Morning|Evening/Boats|Harvest|Window|Figures|Landscape|Flowers|Fields|Bridge|Portrait|Chairs|Moon|Apples|Shore|Horses|Street; painter_id=>painters; year_painted=year 1800..2021; medium=oil|watercolor|acrylic|charcoal; height_mm=int 150..3000; width_mm=int 150..3500; estimated_value=int 500..4000000?
collectors 20: collector_id=key; collector_name=person; residence=city
acquisitions 50: acquisition_id=key; painting_id=>paintings; collector_id=>collectors; bought_on=date 1995..2023; price_paid=int 400..3500000

theatre_company | theatre
plays 25: play_id=key; play_title=*The Glass|The Winter|An Honest|The Second|The Blind/Visitor|Daughter|King|Merchant|Bargain; playwright=person; genre=comedy|tragedy|musical|farce; acts=int 1..5
performers 45: performer_id=key; stage_name=person; joined_year=year 1995..2023; hometown=city
productions 40: production_id=key; play_id=>plays; venue=Main Stage|Studio|Open Air; opening_date=date 2015..2023; budget=int 4000..300000; number_of_shows=int 1..90
appearances 130: production_id=>productions; performer_id=>performers; role=lead|understudy|ensemble|supporting

board_games | games
publishers 12: publisher_id=key; publisher_name=*Wooden|Iron|Lucky|Happy/Dice|Meeple|Card Works; country=country; founded=year 1960..2018
games 50: game_id=key; game_name=*Castle|Galaxy|Pirate|Dragon|Harvest|Railway|Jungle/Quest|Empire|Builders|Race|Duel|Traders|Legends; publisher_id=>publishers; min_players=1|2|3; max_players=4|5|6|8; playing_time=int 15..240; average_rating=real 4..9.4; year_published=year 1980..2023
categories 9: category_id=key; category_name=*Strategy|Party|Family|Card Game|Cooperative|Abstract|Deduction|Economic|Wargame
game_categories 100: game_id=>games; category_id=>categories

chess_club | games
member 50: member_id=key; member_name=person; rating=int 800..2500; title=GM|IM|FM|CM?; join_date=date 2008..2023; mentor_id=>member
game 150: game_no=key; white_id=>member; black_id=>member; result=white|black|draw; moves=int 12..110; opening=Sicilian|French|Ruy Lopez|English|Caro-Kann; played_on=date 2021..2023
payment 90: payment_id=key; member_id=>member; fee_year=year 2019..2023; amount=money 10..90

ski_jumping | winter sports
people 45: person_id=key; full_name=person; nationality=country; birth_year=year 1970..2004; height_cm=int 158..196
jumper 32: jumper_id=key; person_id=>people!; team=red|blue|green|white; longest_jump=int 120..250; medals=int 0..14; joined_on=date 2008..2023
coach 9: coach_id=key; person_id=>people!; years_of_service=int 1..30; licensed_on=date 2001..2020
competition 60: competition_id=key; winner_id=>jumper; hill=*Big|Old|North|South|Lake|Sun/Hill|Tower|Ramp|Slope|Valley|Peak|Ridge|Point|Field|Drop; held_on=date 2019..2023; spectators=int 200..9000
"""
